export { type RunEvent, type RunOptions, runPipeline, type Summary } from './run.js';
