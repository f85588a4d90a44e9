// Before a build: ONNX Runtime is an optional dependency, so npm 10 and older leave it out without a word where its
// install script cannot download CUDA libraries. The compiler needs its types.
import { createRequire } from 'node:module';

try {
  createRequire(import.meta.url).resolve('onnxruntime-node');
} catch {
  console.error(
    'onnxruntime-node is not installed: npm leaves it out where its install script cannot download CUDA libraries,\n' +
      'which nothing here uses. Install without them:\n' +
      '  ONNXRUNTIME_NODE_INSTALL=skip npm ci',
  );
  process.exit(1);
}
