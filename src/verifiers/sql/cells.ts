import {
  DuckDBArrayType,
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapType,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionType,
  DuckDBUnionValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { at, required } from '../../support/required.js';

/** `digits / 10^scale`, with no zero at the end. */
export interface DecimalCell {
  readonly digits: bigint;
  readonly scale: number;
}

/** A list, or the fields of a structure in order. */
export interface NestedCell {
  /** Names of a structure's fields; empty for a list. */
  readonly names: readonly string[];
  readonly items: readonly Cell[];
}

/**
 * A cell as it is compared: whole numbers and decimals are exact, `number` is a float, and dates, times and the like
 * are text.
 */
export type Cell = null | boolean | number | bigint | DecimalCell | string | NestedCell;

const list = (items: readonly Cell[]): NestedCell => ({ names: [], items });

/** Converts a value of DuckDB's, by its type: JavaScript has one type for small integers and floats. */
export function cellOf(value: DuckDBValue, type: DuckDBType): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (typeof value === 'number') return isFloat(type) ? value : BigInt(value);
  if (value instanceof DuckDBDecimalValue) return decimalCell(value.value, value.scale);
  const nested = nestedCell(value, type);
  if (nested) return nested;
  // A date equals its midnight, whichever type the query returns.
  return String(value).replace(/^(\d{4}-\d{2}-\d{2}) 00:00:00$/, '$1');
}

const isFloat = ({ typeId }: DuckDBType): boolean => typeId === DuckDBTypeId.DOUBLE || typeId === DuckDBTypeId.FLOAT;

function decimalCell(value: bigint, places: number): bigint | DecimalCell {
  let [digits, scale] = [value, places];
  for (; scale > 0 && digits % 10n === 0n; scale--) digits /= 10n;
  return scale === 0 ? digits : { digits, scale };
}

function nestedCell(value: DuckDBValue, type: DuckDBType): NestedCell | undefined {
  if (
    (value instanceof DuckDBListValue && type instanceof DuckDBListType) ||
    (value instanceof DuckDBArrayValue && type instanceof DuckDBArrayType)
  ) {
    return list(value.items.map((item) => cellOf(item, type.valueType)));
  }
  if (value instanceof DuckDBStructValue && type instanceof DuckDBStructType) {
    const fields = Object.values(value.entries);
    return { names: type.entryNames, items: fields.map((field, i) => cellOf(field, at(type.entryTypes, i))) };
  }
  if (value instanceof DuckDBMapValue && type instanceof DuckDBMapType) {
    return list(
      value.entries.map((entry) => list([cellOf(entry.key, type.keyType), cellOf(entry.value, type.valueType)])),
    );
  }
  if (value instanceof DuckDBUnionValue && type instanceof DuckDBUnionType) {
    return {
      names: [value.tag],
      items: [cellOf(value.value, at(type.memberTypes, required(type.tagMemberIndexes[value.tag], 'union member')))],
    };
  }
  return undefined;
}
