export function schemaFile(schema: object): string;
export function withFields(page: string, schema: object): string;
