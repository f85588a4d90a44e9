/**
 * URL of a worker thread's compiled module, even if the caller runs from `src/` under a test runner: a thread needs
 * plain JavaScript, which `npm run build` writes to `dist/`.
 * @example new Worker(workerUrl('./onnx-worker.js', import.meta.url))
 */
export function workerUrl(module: string, from: string): URL {
  const url = new URL(module, from);
  // Leave dist/ alone if the package is installed below a folder named src.
  if (!from.endsWith('.ts')) return url;
  url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/').replace(/\.ts$/, '.js');
  return url;
}
