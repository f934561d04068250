import { expect, test } from "./test";

const ALICE = "alice@example.com";
const GOOGLE = "google-oauth2|1021";
const API = "https://api.shop.example";

test("Alice adds her Google account", async ({ idp, page }) => {
  await idp.loginAs(ALICE);
  await page.goto("/account");
  await idp.loginAs(null);
  await page.getByRole("button", { name: "Add Google" }).click();
  await page.getByRole("button", { name: "Continue as Alice G" }).click();
  await expect(page.getByRole("listitem")).toHaveCount(2);
  const { identities } = await idp.user(ALICE);
  expect(identities.map(({ provider }) => provider)).toEqual(["auth0", "google-oauth2"]);
});

test("Alice removes her Google account", async ({ idp, page }) => {
  await idp.link(ALICE, GOOGLE);
  await idp.loginAs(GOOGLE); // a login with either identity is Alice's
  await page.goto("/account");
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("listitem")).toHaveCount(1);
  expect((await idp.user(GOOGLE)).email).toBe("alice@gmail.com");
});

test("an account that was unlinked meanwhile is a stranger", async ({ idp, page }) => {
  await idp.link(ALICE, GOOGLE);
  await idp.unlink(ALICE, "google-oauth2", "1021");
  await idp.loginAs(GOOGLE);
  await page.goto("/account");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("alice@gmail.com");
});

test("the API takes the tenant's tokens, and no others", async ({ idp, request }) => {
  const status = async (wanted: { user: string; scope?: string; audience?: string; expires_in?: number }) => {
    const token = await idp.token({ client: "Shop", audience: API, scope: "read:orders", ...wanted });
    return (await request.get("/api/orders", { headers: { authorization: `Bearer ${token}` } })).status();
  };
  expect(await status({ user: ALICE })).toBe(200);
  expect(await status({ user: ALICE, scope: "read:nothing" })).toBe(403);
  expect(await status({ user: ALICE, expires_in: -60 })).toBe(401);
});
