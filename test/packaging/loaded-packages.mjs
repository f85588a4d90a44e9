// node loaded-packages.mjs ENTRY: imports an entry point and prints the packages that were imported on the way, as
// JSON.
import { register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

const hooks = `
  let port;
  export const initialize = (data) => { port = data; };
  export const resolve = async (specifier, context, next) => {
    const resolved = await next(specifier, context);
    port.postMessage(resolved.url);
    return resolved;
  };`;
const { port1, port2 } = new MessageChannel();
const packages = new Set();
port1.on('message', (url) => {
  const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (name !== undefined) packages.add(name);
});
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: port2, transferList: [port2] });
await import(process.argv[2]);
// Messages of the hooks' thread arrive with the next turns of the event loop.
await new Promise((resolve) => setImmediate(resolve));
await new Promise((resolve) => setImmediate(resolve));
port1.close();
console.log(JSON.stringify([...packages].sort()));
