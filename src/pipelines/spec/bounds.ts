import { z } from 'zod';

/** A count, up to a bound beyond which it can only be a mistake, whatever the machine. */
export const upTo = (max: number) => z.int().min(1).max(max);

export const STEPS = 10_000_000;
export const TOKENS = 1_000_000;
export const SAMPLES = 65_536;
