// The command of @simulacrum/auth0-simulator always takes port 4400; this is the code of its README with another one.
// It is CommonJS, as the command is: in its ES module build /oauth/token answers 500 (`jwt.sign is not a function`).
const { simulation } = require("@simulacrum/auth0-simulator");

const users = [{ id: "alice", name: "Alice", email: "alice@example.com", password: "alice-password" }];
simulation({ initialState: { users } }).listen(Number(process.argv[2]), "127.0.0.1");
