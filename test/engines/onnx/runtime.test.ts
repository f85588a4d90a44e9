import { describe, expect, it } from 'vitest';
import { loadRuntime, requireRuntime } from '../../../src/engines/onnx/runtime.js';

const failing = (error: Error) => () => Promise.reject(error);

describe('loading ONNX Runtime', () => {
  it('returns the module', async () => {
    expect(await loadRuntime()).toHaveProperty('InferenceSession');
  });

  it('names the command that installs it if it is missing', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const loading = loadRuntime(failing(missing));
    await expect(loading).rejects.toMatchObject({ code: 'onnxruntime-missing', cause: missing });
    await expect(loading).rejects.toThrow(/ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@\d+\.\d+\.\d+/);
  });

  it('passes on other load errors', async () => {
    const broken = new Error('libonnxruntime.so.1: cannot open shared object file');
    await expect(loadRuntime(failing(broken))).rejects.toBe(broken);
  });

  it('is missed before it is loaded', () => {
    expect(() => requireRuntime()).not.toThrow();
    const find = () => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => requireRuntime(find)).toThrow(/ONNXRUNTIME_NODE_INSTALL=skip/);
  });
});
