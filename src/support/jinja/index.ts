export { BudgetError, TemplateError, UnsupportedError } from './errors.js';
export type { CalendarDate } from './runtime/strftime.js';
export { compileTemplate, type JinjaTemplate } from './template.js';
