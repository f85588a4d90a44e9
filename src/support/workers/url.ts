/**
 * Where a worker thread's compiled module is, also when the caller runs from `src/` under a test runner: a thread of
 * its own needs plain JavaScript, which `npm run build` puts in `dist/`.
 * @example new Worker(workerUrl('./onnx-worker.js', import.meta.url))
 */
export function workerUrl(module: string, from: string): URL {
  const url = new URL(module, from);
  // Installed below a folder named src, dist/ is to stay where it is.
  if (!from.endsWith('.ts')) return url;
  url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/').replace(/\.ts$/, '.js');
  return url;
}
