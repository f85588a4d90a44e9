import { resolve } from 'node:path';
import { defaultTemplateText, parseTemplate, type TeacherTemplate } from '../privileged/template/template.js';
import type { PipelineSpec } from './spec.js';

/** Folder of the base model. @param folder what the spec's paths are relative to */
export const baseFolder = (spec: PipelineSpec, folder: string): string => resolve(folder, spec.model.base);

/** The teacher's prompt template. @throws {UserError} `bad-template` */
export function teacherTemplate(spec: PipelineSpec): TeacherTemplate {
  return parseTemplate(spec.teach.template ?? defaultTemplateText, 'teach.template');
}
