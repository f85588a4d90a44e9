/**
 * A regular expression written in several lines.
 * @example pattern('i', String.raw`^(?:left|`, String.raw`right)$`) // /^(?:left|right)$/i
 */
export const pattern = (flags: string, ...parts: readonly string[]): RegExp => new RegExp(parts.join(''), flags);
