export * from './engines/index.js';
export * from './learner/index.js';
export * from './losses/index.js';
export * from './methods/index.js';
export * from './models/index.js';
export * from './operators/index.js';
export * from './pipelines/index.js';
export { type PrivilegedTable, privilegedTable } from './privileged/documents/table.js';
export { type Join, type JoinOptions, privilegedStore, type Shown } from './privileged/lookup/lookup.js';
export { ingest, watchSources } from './privileged/sources/ingest.js';
export type { PrivilegedContext, PrivilegedPiece, PrivilegedStore } from './privileged/store.js';
export {
  defaultTemplateText,
  parseTemplate,
  renderTeacher,
  type TeacherTemplate,
} from './privileged/template/template.js';
export * from './runs/index.js';
export type { Generate, GeneratedPrompt, GeneratorRequest } from './sources/generator.js';
export { UserError } from './support/errors.js';
export * from './topics/index.js';
export { createVerifier } from './verifiers/create.js';
export { verifierNames } from './verifiers/spec.js';
export type { Judgement, Question, Verifier } from './verifiers/verifier.js';
