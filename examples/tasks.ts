/** All example tasks, for a host: `troupe host dist/examples/tasks.js`. */
export { checksum } from "./checksums/checksum.ts";
export { folder, removePart, tree } from "./checksums/tree.ts";
export { greet, sleep } from "./hello.ts";
export { order } from "./order/order.ts";
export { charge, refund, release, reserve, ship } from "./order/world.ts";
