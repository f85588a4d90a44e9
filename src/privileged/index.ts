export { type PrivilegedTable, privilegedTable } from './documents/table.js';
export { type Join, type JoinOptions, privilegedStore, type Shown } from './lookup/lookup.js';
export { ingest, watchSources } from './sources/ingest.js';
export type { PrivilegedContext, PrivilegedPiece, PrivilegedStore } from './store.js';
export { defaultTemplateText, parseTemplate, renderTeacher, type TeacherTemplate } from './template/template.js';
