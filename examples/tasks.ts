/** All example tasks, for a host: `troupe host dist/examples/tasks.js`. */
export { checksum } from "./checksums/checksum.ts";
export { greet, sleep } from "./hello.ts";
