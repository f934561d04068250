import type { Page } from "@playwright/test";
import { expect, test } from "./test";

const ALICE = "alice@example.com";

async function logIn(page: Page): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("Email address").fill(ALICE);
  await page.getByLabel("Password", { exact: true }).fill("alice-password");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
}

const heading = (page: Page) => page.getByRole("heading", { level: 1 });

test("Alice logs in through the tenant's page", async ({ idp, page }) => {
  await logIn(page);
  await expect(heading(page)).toHaveText("Hello, Alice");
  const [exchange] = await idp.requests("POST /oauth/token");
  expect(exchange).toMatchObject({ client_id: "shop", form: { grant_type: "authorization_code" } });
  expect(exchange?.tokens["response.id_token"]?.claims).toMatchObject({ email: ALICE });
});

test("Alice is logged in without a page", async ({ idp, page }) => {
  await idp.loginAs(ALICE);
  await page.goto("/login");
  await expect(heading(page)).toHaveText("Hello, Alice");
});

test("who is not logged in is sent to the tenant and back", async ({ idp, page }) => {
  await idp.addUser({ email: "dora@example.com", password: "dora-password", name: "Dora" });
  await idp.loginAs("dora@example.com");
  await page.goto("/account");
  await expect(heading(page)).toHaveText("dora@example.com");
});

test("a second factor comes by mail", async ({ idp, page }) => {
  await logIn(page);
  await page.getByRole("link", { name: "Pay" }).click();
  const mail = await idp.outbox.waitFor({ to: ALICE, kind: "mfa_oob_code" });
  await page.getByLabel("Enter the code").fill(mail.code!);
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await expect(heading(page)).toHaveText("Thank you");
});

test("the tenant's trouble is the shop's error page, once", async ({ idp, page }) => {
  await idp.loginAs(ALICE);
  await idp.on("POST /oauth/token", { status: 503 }, { times: 1, where: { grant_type: "authorization_code" } });
  await page.goto("/login");
  await expect(heading(page)).toHaveText("Sorry, that did not work");
  await page.getByRole("link", { name: "Log in again" }).click();
  await expect(heading(page)).toHaveText("Hello, Alice");
});

test("who denies is told so", async ({ idp, page }) => {
  await idp.on("GET /authorize", { deny: true, description: "She pressed Cancel." }, { times: 1 });
  await page.goto("/login");
  await expect(page.getByText("She pressed Cancel.")).toBeVisible();
});

test("an expired token ends at the login page", async ({ idp, page }) => {
  await logIn(page);
  await idp.clock.advance("8d"); // tokens and the tenant's own session are over
  await page.getByRole("link", { name: "Account" }).click();
  await expect(heading(page)).toHaveText("Your session has expired");
  await page.getByRole("link", { name: "Log in again" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toBeVisible();
});

test("logging out ends both sessions", async ({ idp, page }) => {
  await logIn(page);
  await page.getByRole("link", { name: "Log out" }).click();
  await expect(heading(page)).toHaveText("Hello, stranger");
  expect(await idp.requests("GET /oidc/logout")).toHaveLength(1);
  await page.goto("/login");
  await expect(page.getByLabel("Password", { exact: true })).toBeVisible();
});
