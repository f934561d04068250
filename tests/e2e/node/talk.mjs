// How a script talks with the test that runs it: one JSON line each way. It ends when its stdin does.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const lines = createInterface({ input: process.stdin });
lines.once("close", () => process.exit()); // the test is over
const incoming = lines[Symbol.asyncIterator]();

const say = (value, then) => process.stdout.write(`${JSON.stringify(value)}\n`, then);

/** Say the last thing. */
export const report = (value) => say(value, () => lines.close());

/** Have the test's browser open a URL, and return the callback's URL at which it arrives. */
export async function visit(url, user) {
  say({ visit: String(url), user });
  return new URL(JSON.parse((await incoming.next()).value));
}

/** Serve an Express app, or a function from Request to Response, until the test is over. */
export function serve(app) {
  const listener = app.length === 1 ? (req, res) => answer(app, req, res) : app;
  // The test took a free port already, and passes its socket on.
  createServer(listener).listen({ fd: Number(process.env.LISTEN_FD) }, () => say("ready"));
}

async function answer(handle, req, res) {
  const { method, headers } = req;
  const body = method === "POST" ? Readable.toWeb(req) : undefined;
  const url = new URL(req.url, process.env.BASE_URL);
  const response = await handle(new Request(url, { method, headers, body, duplex: "half" }));
  res.writeHead(response.status, [...response.headers].flat());
  res.end(Buffer.from(await response.arrayBuffer()));
}

/** Return what a promise is rejected with. */
export const refused = (promise) =>
  promise.then(
    () => Promise.reject(new Error("it was not refused")),
    (error) => error,
  );
