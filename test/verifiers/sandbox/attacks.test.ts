import { describe } from 'vitest';
import { attacks } from './attacks.js';
import { needsSandbox } from './machine.js';

describe.runIf(await needsSandbox())('the sandbox', attacks);
