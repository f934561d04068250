// How a script talks with the test that runs it: one JSON line each way. It ends when its stdin does.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

export async function hear() {
  const { value, done } = await lines.next();
  return done ? process.exit(0) : JSON.parse(value);
}

/** Have the test's browser open a URL, and return the callback's URL at which it arrives. */
export async function visit(url, user) {
  say({ visit: String(url), user });
  return new URL(await hear());
}

/** Serve an Express app, or any request listener, until the test is over. */
export function serve(app) {
  const server = app.listen(Number(process.env.PORT), "127.0.0.1", () => say({ ready: process.env.BASE_URL }));
  hear(); // nothing ever comes but the end
  return server;
}

/** Return what a promise is rejected with. */
export const refused = (promise) =>
  promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (error) => error,
  );
