import { type Fields, fieldsOf, isJson, type Json } from './fields.js';

/** How rotary frequencies are scaled beyond the trained context, in the terms of Hugging Face's `rope_scaling`. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  /** Frequencies change only beyond `max_position_embeddings`, where no engine here goes. */
  | { readonly type: 'dynamic'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      /** Multiplies cosines and sines. */
      readonly attentionFactor: number;
      /** Rotations over the trained context from which a frequency stays, and up to which it is divided. */
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the ends of the ramp between the two are whole numbers. */
      readonly truncate: boolean;
      readonly originalMaxPositionEmbeddings: number;
    };

/** Rotary settings of some layers. */
export interface Rope {
  readonly theta: number;
  readonly scaling: RopeScaling | undefined;
}

/** Rotary settings of layers that see all tokens, and of those that see a window. */
export interface Ropes {
  readonly rope: Rope;
  readonly windowRope: Rope;
}

const DEFAULT_THETA = 10_000;

/** Kinds of scaling that transformers has and the engine does not. */
const otherRopeTypes = ['longrope', 'su', 'proportional', 'mrope', 'axial'];
const ropeTypes = '"default", "linear", "dynamic", "llama3" or "yarn"';

/** As Python's `or` sees it: nothing, or an object without entries. */
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (isJson(value) && Object.keys(value).length === 0);

/** Where the rotary settings are: `rope_scaling` or `rope_parameters`. */
function settingsOf(top: Fields): { readonly name: string; readonly settings: Json } {
  const name = isEmpty(top.json.rope_scaling) ? 'rope_parameters' : 'rope_scaling';
  const settings = top.json[name] ?? {};
  return isJson(settings) ? { name, settings } : top.fail(name, 'an object or null');
}

/**
 * Rotary settings from wherever transformers takes them: `rope_scaling` or `rope_parameters`, each with `rope_type` or
 * `type`, and `rope_theta` inside it or at the top. What is inside comes first.
 */
export function parseRope(top: Fields): Ropes {
  const { name, settings } = settingsOf(top);
  const inside = fieldsOf(settings, `${top.file}: ${name}`, {}, name);
  for (const [key, value] of Object.entries(settings))
    if (isJson(value)) inside.fail(key, 'no settings per kind of layer: all layers of these models share one');
  const rope = readRope(inside, top, 'rope_theta', DEFAULT_THETA);
  return { rope, windowRope: rope };
}

/**
 * Rotary settings that differ between kinds of layers, as Gemma 3 has them: `rope_parameters` with one object per kind,
 * or `rope_theta` and `rope_scaling` for layers that see everything and `rope_local_base_freq` for the others.
 */
export function parseRopes(top: Fields): Ropes {
  const { name, settings } = settingsOf(top);
  const nested = Object.values(settings).some(isJson);
  const part = (kind: string, scaled: boolean): Fields => {
    const value = nested ? (settings[kind] ?? {}) : scaled ? settings : {};
    if (!isJson(value)) return fieldsOf(settings, `${top.file}: ${name}`, {}, name).fail(kind, 'an object');
    return fieldsOf(value, `${top.file}: ${name}${nested ? `.${kind}` : ''}`, {}, name);
  };
  return {
    rope: readRope(part('full_attention', true), top, 'rope_theta', 1_000_000),
    windowRope: readRope(part('sliding_attention', false), top, 'rope_local_base_freq', DEFAULT_THETA),
  };
}

function readRope(inside: Fields, top: Fields, thetaName: string, defaultTheta: number): Rope {
  for (const place of [inside, top])
    if (place.number('partial_rotary_factor', 1) !== 1) place.fail('partial_rotary_factor', '1: all of a head rotates');
  const theta = inside.has('rope_theta') ? inside.number('rope_theta') : top.number(thetaName, defaultTheta);
  return { theta, scaling: readScaling(inside, top) };
}

function readScaling(inside: Fields, top: Fields): RopeScaling | undefined {
  const key = inside.has('rope_type') || !inside.has('type') ? 'rope_type' : 'type';
  // As in transformers, a value outside comes first, and the trained context is the default.
  const trained = (): number => {
    const name = 'original_max_position_embeddings';
    return top.has(name) ? top.integer(name) : inside.integer(name, top.integer('max_position_embeddings'));
  };
  const type = inside.json[key] ?? 'default';
  switch (type) {
    case 'default':
      for (const field of ['factor', 'short_factor', 'long_factor'])
        if (inside.has(field))
          inside.fail(field, `nothing without a ${key} of ${ropeTypes.replace('"default", ', '')}`);
      return undefined;
    case 'linear':
      return { type: 'linear', factor: inside.number('factor') };
    case 'dynamic':
      return { type: 'dynamic', factor: inside.number('factor') };
    case 'llama3':
      return {
        type: 'llama3',
        factor: inside.number('factor'),
        lowFreqFactor: inside.number('low_freq_factor'),
        highFreqFactor: inside.number('high_freq_factor'),
        originalMaxPositionEmbeddings: trained(),
      };
    case 'yarn':
      return readYarn(inside, trained(), top.integer('max_position_embeddings'));
    default: {
      const isKnown = otherRopeTypes.includes(String(type));
      return inside.fail(key, `${ropeTypes}${isKnown ? ': other kinds of scaling are not supported' : ''}`);
    }
  }
}

function readYarn(inside: Fields, trained: number, context: number): RopeScaling {
  const factor = inside.number('factor', context / trained);
  const [mscale, mscaleAll] = [inside.optional('mscale'), inside.optional('mscale_all_dim')];
  // As the paper has it: YaRN (Peng et al. 2023, arXiv 2309.00071), section 3.4.
  const sharper = (by = 1): number => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  const ratio = mscale && mscaleAll ? sharper(mscale) / sharper(mscaleAll) : sharper();
  return {
    type: 'yarn',
    factor,
    attentionFactor: inside.number('attention_factor', ratio),
    betaFast: inside.number('beta_fast', 32),
    betaSlow: inside.number('beta_slow', 1),
    truncate: inside.flag('truncate', true),
    originalMaxPositionEmbeddings: trained,
  };
}

/** Rotary frequencies, radians a position, `headDim / 2` of them, scaled as Hugging Face's `rope_scaling` asks. */
export function rotaryFrequencies({ theta, scaling }: Rope, headDim: number): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  switch (scaling?.type) {
    case undefined:
    case 'dynamic':
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return plain.map((frequency) => {
        const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings: context } = scaling;
        const turns = (context * frequency) / (2 * Math.PI);
        const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1);
        return mixed(frequency, factor, turns > high ? 1 : turns < low ? 0 : kept);
      });
    case 'yarn': {
      const { factor, betaFast, betaSlow, truncate, originalMaxPositionEmbeddings: context } = scaling;
      // The place at which a frequency makes so many turns over the trained context.
      const place = (turns: number): number =>
        (headDim * Math.log(context / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
      const [from, to] = [place(betaFast), place(betaSlow)];
      const low = Math.max(truncate ? Math.floor(from) : from, 0);
      const end = Math.min(truncate ? Math.ceil(to) : to, headDim - 1);
      const high = low === end ? end + 0.001 : end;
      return plain.map((frequency, i) =>
        mixed(frequency, factor, 1 - Math.min(Math.max((i - low) / (high - low), 0), 1)),
      );
    }
  }
}

/** Between a frequency divided by `factor` (`kept` 0) and the frequency itself (`kept` 1). */
const mixed = (frequency: number, factor: number, kept: number): number =>
  (1 - kept) * (frequency / factor) + kept * frequency;

/** What cosines and sines are multiplied by. */
export const rotaryScale = ({ scaling }: Rope): number => (scaling?.type === 'yarn' ? scaling.attentionFactor : 1);
