import type { Template } from '@huggingface/jinja';

/** Names that a template reads without setting them itself. */
export function freeNames(program: Template['parsed']): ReadonlySet<string> {
  const read = new Set<string>();
  const bound = new Set<string>(['loop', 'true', 'false', 'none', 'namespace', 'range']);
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (node instanceof Map) visit([...node]);
    else if (isNode(node)) visitNode(node);
  };
  const visitNode = (node: Record<string, unknown>): void => {
    if (node.type === 'Identifier') read.add(String(node.value));
    else
      for (const [name, child] of Object.entries(node)) {
        if (isNotARead(node, name)) continue;
        if (node.type === 'For' && name === 'loopvar') bind(child);
        else if (node.type === 'Set' && name === 'assignee') bind(child);
        else visit(child);
      }
  };
  const bind = (target: unknown): void => {
    if (!isNode(target)) return;
    if (target.type === 'Identifier') bound.add(String(target.value));
    else if (Array.isArray(target.value)) target.value.forEach(bind);
    else visit(target);
  };
  visit(program);
  return new Set([...read].filter((name) => !bound.has(name)));
}

/** Children that are operators, or the names of filters, tests, properties or arguments. */
function isNotARead(node: Record<string, unknown>, child: string): boolean {
  const named = isNode(node[child]) && node[child].type === 'Identifier';
  return (
    child === 'operator' ||
    (node.type === 'MemberExpression' && child === 'property' && node.computed === false) ||
    (node.type === 'FilterExpression' && child === 'filter' && named) ||
    (node.type === 'TestExpression' && child === 'test') ||
    (node.type === 'KeywordArgumentExpression' && child === 'key')
  );
}

function isNode(value: unknown): value is Record<string, unknown> & { type: string } {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
