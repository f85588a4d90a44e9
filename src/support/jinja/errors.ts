/** A template that is malformed, or that fails on its input: Jinja would fail too. */
export class TemplateError extends Error {
  override readonly name: string = 'TemplateError';
}

/** Something that Jinja renders and this renderer does not: refused by name rather than rendered otherwise. */
export class UnsupportedError extends TemplateError {
  override readonly name = 'UnsupportedError';
}

/** A template that takes more steps, text or nesting than any prompt needs. */
export class BudgetError extends TemplateError {
  override readonly name = 'BudgetError';
}
