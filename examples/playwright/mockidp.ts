/**
 * A mock tenant for the tests of a Node project: mockidp's control API with the types of its own description.
 *
 * `schema.d.ts` is made by `npm run types`. Copy both files; they need nothing but Node.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type User = Schemas["UserDocument"];
export type Message = Schemas["Message"];
export type RecordedRequest = Schemas["RecordedExchange"];
export type Rule = Schemas["RuleGiven"];

type Method = "get" | "post" | "delete";
type Paths<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Given<T> = T extends { requestBody?: infer Body } ? Json<NonNullable<Body>> : never;
type Answer<T> = T extends { responses: infer All } ? Json<All[keyof All & (200 | 201)]> : never;

/** What `python -m mockidp serve --json` prints once it listens. */
interface Ready {
  url: string;
  https_url: string;
  issuer: string;
  domain: string;
  ca: string;
}

interface Start {
  /** Seed files or export directories, later ones winning; left out: the demo tenant. */
  seed?: string | string[];
  scenario?: string;
  /** Fills the seeds' placeholders. */
  env?: Record<string, string>;
  python?: string;
}

export class MockIdp {
  /** A mock that runs already: `new MockIdp(process.env.MOCKIDP_URL!)`. */
  constructor(
    readonly url: string,
    private readonly ready?: Ready,
    private readonly server?: ChildProcess,
  ) {}

  /** Start a mock of its own on a free port; end it with `stop()`. */
  static async start(options: Start = {}): Promise<MockIdp> {
    const { seed = [], scenario, env, python = process.env.PYTHON ?? "python3" } = options;
    const seeds = [seed].flat();
    const given = [...(seeds.length ? ["--seed", ...seeds] : []), ...(scenario ? ["--scenario", scenario] : [])];
    const server = spawn(python, ["-m", "mockidp", "serve", "--json", "--port", "0", ...given], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    process.once("exit", () => server.kill());
    await once(server, "spawn");
    for await (const line of createInterface({ input: server.stdout })) {
      const ready: Ready = JSON.parse(line);
      return new MockIdp(ready.url, ready, server);
    }
    throw new Error("mockidp did not start; it said why above");
  }

  async stop(): Promise<void> {
    if (this.server?.exitCode !== null) return;
    this.server.kill();
    await once(this.server, "exit");
  }

  /** What points an application's SDK here, with the certificate authority for https. */
  get env(): Record<string, string> {
    if (!this.ready) throw new Error("only a mock from MockIdp.start() knows its environment");
    const issuer = this.ready.issuer.replace(/\/$/, "");
    const issuers = { ISSUER_BASE_URL: issuer, AUTH0_ISSUER_BASE_URL: issuer, AUTH0_DOMAIN: this.ready.domain };
    return { ...issuers, NODE_EXTRA_CA_CERTS: this.ready.ca, MOCKIDP_URL: this.url };
  }

  /** Bring the seed back; `label` names the test that begins. */
  reset = (label?: string) => this.post("/_mockidp/reset", { label });
  /** Add a user, given as in a seed. */
  addUser = (user: Given<paths["/_mockidp/users"]["post"]>) => this.post("/_mockidp/users", user);
  user = (user: string) => this.get("/_mockidp/users/{user}", { user });
  /** Let this user answer the login pages from now on; null shows them again. */
  loginAs = (user: string | null) => this.post("/_mockidp/login-as", { user });
  link = (primary: string, secondary: string) => this.post("/_mockidp/link", { primary, secondary });
  unlink = (user: string, provider: string, user_id: string) =>
    this.post("/_mockidp/unlink", { user, provider, user_id });

  /** Return an access token without a login. */
  token = async (wanted: Schemas["TokenRequest"]) => (await this.post("/_mockidp/tokens", wanted)).access_token;
  managementToken = async (scope?: string) =>
    (await this.post("/_mockidp/management-token", { scope })).access_token;

  /** Script an answer: `on("POST /oauth/token", { status: 503 }, { times: 1 })`. */
  on = (on: string, then: Rule["then"], more: Omit<Rule, "on" | "then"> = {}) =>
    this.post("/_mockidp/rules", { on, then, ...more });
  clearRules = () => this.delete("/_mockidp/rules");
  /** The recorded requests, oldest first; `on` narrows them down to one operation. */
  requests = (on?: string) => this.get("/_mockidp/requests", { on });

  readonly outbox = {
    list: (which: { to?: string; kind?: string } = {}) => this.get("/_mockidp/outbox", which),
    /** Return the newest such message as soon as it is there; `wait` is a duration. */
    waitFor: async (which: { to?: string; kind?: string; wait?: string } = {}): Promise<Message> =>
      (await this.get("/_mockidp/outbox", { wait: "5s", ...which })).at(-1)!,
    clear: () => this.delete("/_mockidp/outbox"),
  };

  readonly clock = {
    now: async () => new Date((await this.get("/_mockidp/clock")).now),
    freeze: (at: string = "now") => this.post("/_mockidp/clock", { freeze: at }),
    /** Move the tenant's time forward: `90s`, `1h30m`, `2d`. */
    advance: (by: string) => this.post("/_mockidp/clock", { advance: by }),
    unfreeze: () => this.post("/_mockidp/clock", { unfreeze: true }),
  };

  /** Fail unless all came about that rules and scenarios expect, and mockidp itself had no problem. */
  async verify(): Promise<void> {
    const { met, difference } = await this.post("/_mockidp/verify");
    if (!met) throw new Error(difference);
  }

  private get = <P extends Paths<"get">>(path: P, query: Record<string, string | undefined> = {}) =>
    this.call<Answer<paths[P]["get"]>>("GET", path, query);
  private post = <P extends Paths<"post">>(path: P, body?: Given<paths[P]["post"]>) =>
    this.call<Answer<paths[P]["post"]>>("POST", path, {}, body ?? {});
  private delete = <P extends Paths<"delete">>(path: P) =>
    this.call<Answer<paths[P]["delete"]>>("DELETE", path, {});

  private async call<T>(method: string, path: string, query: Record<string, string | undefined>, body?: object): Promise<T> {
    const url = new URL(path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(query[name] ?? "")), this.url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && !path.includes(`{${name}}`)) url.searchParams.set(name, value);
    }
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method, ...(body && { headers, body: JSON.stringify(body) }) });
    const value = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${url.pathname}: ${value.message}`);
    return value;
  }
}
