// `test` with a tenant and a shop: every worker has its own, and every test begins with the seed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test as base } from "@playwright/test";
import { MockIdp } from "../mockidp";

export { expect } from "@playwright/test";

export const test = base.extend<{ idp: MockIdp }, { world: { idp: MockIdp; shop: string } }>({
  world: [
    async ({}, use) => {
      const shop = `http://localhost:${await freePort()}`;
      const idp = await MockIdp.start({ seed: "tenant.yaml", env: { BASE_URL: shop } });
      const env = { ...process.env, ...idp.env, ...settings(shop) };
      const app = spawn("node", ["app.js"], { env, stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((opened, failed) => {
        app.stdout.once("data", opened);
        app.once("exit", () => failed(new Error("the shop did not open")));
      });
      await use({ idp, shop });
      app.kill();
      await idp.stop();
    },
    { scope: "worker" },
  ],
  baseURL: ({ world }, use) => use(world.shop),
  idp: async ({ world }, use, { titlePath }) => {
    await world.idp.reset(titlePath.join(": "));
    await use(world.idp);
    await world.idp.verify();
  },
});

/** What the shop is told beside where the tenant is: of its production settings only the values differ. */
function settings(shop: string): Record<string, string> {
  return {
    BASE_URL: shop,
    CLIENT_ID: "shop",
    CLIENT_SECRET: "shop-secret",
    SESSION_SECRET: "a secret for the session's cookie",
    AUDIENCE: "https://api.shop.example",
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
