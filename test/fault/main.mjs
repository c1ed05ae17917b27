// `npm run test:fault`: the fault tests, with whatever vitest is to be told. `npm run test:fault -- --soak 60m --seed 7`: the long run alone.
//   --soak 60m      how long hosts and servers are in trouble
//   --seed 7        which trouble: the same seed draws the same, though not at the same moments. Default: 1
//   --servers 1     or 3, a cluster with three copies of everything. Default: 3
//   --out run.json  where the result goes, beside run.json.history with every line of what happened and run.json.log of what hosts logged
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const FLAGS = { "--soak": "TROUPE_SOAK", "--seed": "TROUPE_SOAK_SEED", "--servers": "TROUPE_SOAK_SERVERS", "--out": "TROUPE_SOAK_OUT" };

const env = { ...process.env };
const rest = [];
const given = process.argv.slice(2);
while (given.length > 0) {
  const word = given.shift();
  const variable = FLAGS[word];
  if (variable === undefined) rest.push(word);
  else env[variable] = given.shift();
}
const isSoak = env.TROUPE_SOAK !== undefined;
const vitest = fileURLToPath(new URL("vitest.mjs", import.meta.resolve("vitest/package.json")));
const config = fileURLToPath(new URL("vitest.config.ts", import.meta.url));
const args = [vitest, "run", "--config", config, ...(isSoak ? ["soak.test"] : []), ...rest];
spawn(process.execPath, args, { stdio: "inherit", env }).once("exit", (code) => process.exit(code ?? 1));
