export interface FieldRow {
  readonly path: string;
  readonly type: string;
  readonly otherwise: string;
  readonly description: string;
}

export function fields(schema: object, prefix?: string): FieldRow[];
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string;
