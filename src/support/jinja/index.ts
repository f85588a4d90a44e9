export { BudgetError, TemplateError, UnsupportedError } from './errors.js';
export { type CalendarDate, calendarDate } from './runtime/strftime.js';
export { compileTemplate, type JinjaTemplate } from './template.js';
