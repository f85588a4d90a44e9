import { seedOf } from '../digest.js';
import { UserError } from '../errors.js';
import type { DocumentUse, PrivilegedKind } from '../topics/records.js';
import { fitContext } from './budget.js';
import type { PrivilegedPiece, PrivilegedStore } from './store.js';
import type { DocumentVersion, PrivilegedTable } from './table.js';

/** Which context the teacher sees: the item's own, another item's, or none. The last two are the control arms. */
export type Shown = 'true' | 'shuffled' | 'none';

export interface JoinOptions {
  /** Kinds of context joined by the prompt's item, in the order in which they are shown and in which the budget is spent. */
  readonly kinds: readonly PrivilegedKind[];
  /** Access labels that this pipeline may read; a document without a label is open to all. */
  readonly labels: readonly string[];
  readonly shown: Shown;
  /** The run's seed; decides whose context a shuffled item gets. */
  readonly seed: number | bigint;
  /** Tokens of context at most; without it everything found is shown. */
  readonly budget?: { readonly tokens: number; readonly countTokens: (text: string) => number };
}

/** A store over the table: the pieces of a prompt's item, within the budget, or those of an earlier record. */
export function privilegedStore(table: PrivilegedTable, options: JoinOptions): PrivilegedStore {
  const ofItem = async (itemId: string): Promise<readonly DocumentVersion[]> => {
    let found = inOrder(table.ofItem(itemId), options.kinds);
    if (found.length === 0) {
      await table.catchUp();
      found = inOrder(table.ofItem(itemId), options.kinds);
    }
    if (found.length === 0) {
      throw new UserError(
        'no-context',
        `item ${itemId}: no privileged context, expected a record of kind ${options.kinds.join(' or ')} with that itemId`,
      );
    }
    return found;
  };

  const shuffled = async (itemId: string): Promise<readonly DocumentVersion[]> => {
    const own = await ofItem(itemId);
    let other = anotherItem(table, own, itemId, options);
    if (other === undefined) {
      await table.catchUp();
      other = anotherItem(table, own, itemId, options);
    }
    if (other === undefined) {
      throw new UserError(
        'no-context',
        `item ${itemId}: shuffled context needs another item with other context, found none`,
      );
    }
    return ofItem(other);
  };

  const allowed = (document: DocumentVersion): void => {
    if (document.label === null || options.labels.includes(document.label)) return;
    const may = options.labels.length === 0 ? 'documents without a label' : `labels ${options.labels.join(', ')}`;
    throw new UserError(
      'label-refused',
      `document ${document.id}: marked ${document.label}, expected ${may}; allow the label in the pipeline or leave the document out`,
    );
  };

  return {
    async lookup(itemId, _question, asOf) {
      if (asOf) return { pieces: await Promise.all(asOf.map((use) => again(table, use, allowed))) };
      if (options.shown === 'none') return { pieces: [] };
      const documents = await (options.shown === 'true' ? ofItem(itemId) : shuffled(itemId));
      documents.forEach(allowed);
      const pieces: PrivilegedPiece[] = [];
      for (const document of documents) {
        for (const span of document.spans) pieces.push(await table.piece(document, span));
      }
      const context = { pieces };
      return options.budget ? fitContext(context, options.budget.tokens, options.budget.countTokens) : context;
    },
  };
}

async function again(
  table: PrivilegedTable,
  use: DocumentUse,
  allowed: (document: DocumentVersion) => void,
): Promise<PrivilegedPiece> {
  const piece = await table.pieceAsOf(use);
  const version = table.document(use.id)?.versions.find((candidate) => candidate.version === use.version);
  if (version) allowed(version);
  return piece;
}

function inOrder(documents: readonly DocumentVersion[], kinds: readonly PrivilegedKind[]): DocumentVersion[] {
  return kinds.flatMap((kind) => documents.filter((document) => document.kind === kind));
}

/**
 * Another item whose text differs. It is drawn from the items that came before this one in the same partition, and for the first is
 * the next one: what has been read since then does not change the choice.
 */
function anotherItem(
  table: PrivilegedTable,
  own: readonly DocumentVersion[],
  itemId: string,
  options: JoinOptions,
): string | undefined {
  const anchor = own[0];
  if (!anchor) return undefined;
  const order = table.neighbours(anchor.id);
  const position = order.indexOf(anchor.id);
  const versions = new Set(own.map((document) => document.version));
  const usable = (id: string | undefined): string | undefined => {
    const document = id === undefined ? undefined : table.document(id)?.current;
    const same = !document?.itemId || document.itemId === itemId || versions.has(document.version);
    return same ? undefined : (document.itemId ?? undefined);
  };
  const start = position === 0 ? 0 : Number(seedOf(options.seed, 'shuffled', itemId) % BigInt(position));
  for (let k = 0; k < position; k++) {
    const found = usable(order[(start + k) % position]);
    if (found !== undefined) return found;
  }
  for (let k = position + 1; k < order.length; k++) {
    const found = usable(order[k]);
    if (found !== undefined) return found;
  }
  return undefined;
}
