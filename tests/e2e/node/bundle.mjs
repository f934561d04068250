// Bundles the Locks for a browser: npm has them as CommonJS only.  node bundle.mjs DIRECTORY
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build } from "esbuild-wasm";

const require = createRequire(import.meta.url);
const [directory] = process.argv.slice(2);

// Lock 9 is made for browserify. Its package.json names these transforms: they inline its templates and styles.
const transforms = {
  name: "browserify",
  setup(builder) {
    builder.onLoad({ filter: /auth0-lock-9[/\\](lib|i18n|[\w-]+\.js)/ }, async ({ path: file }) => {
      if (!/\.(js|ejs)$/.test(file)) return undefined;
      let contents = readFileSync(file, "utf8");
      for (const name of ["ejsify", "brfs", "packageify"]) {
        contents = await transformed(require(name)(file, {}), contents);
      }
      // browserify brought this along
      const buffer = contents.includes("Buffer(") ? 'const { Buffer } = require("buffer/");' : "";
      return { contents: buffer + contents, loader: "js", resolveDir: path.dirname(file) };
    });
  },
};

function transformed(stream, contents) {
  return new Promise((resolve, reject) => {
    let written = "";
    stream.on("data", (chunk) => (written += chunk)).on("end", () => resolve(written)).on("error", reject);
    stream.end(contents);
  });
}

for (const version of [9, 10, 14]) {
  await build({
    stdin: {
      contents: `
        const lock = require("auth0-lock-${version}");
        window.Auth0Lock = lock.default || lock;
        window.Auth0LockPasswordless = lock.Auth0LockPasswordless;`,
      resolveDir: import.meta.dirname,
    },
    outfile: path.join(directory, `lock-${version}.js`),
    bundle: true,
    platform: "browser",
    mainFields: ["browser", "module", "main"], // said by name, "module" holds for require() too
    define: { global: "window", "process.env.NODE_ENV": '"production"', "process.env.NODE_DEBUG": "undefined" },
    logLevel: "warning",
    logLimit: 5,
    plugins: [transforms],
  });
}
