const THOUGHT = /<(\/?)(?:think|thinking|thought)>/gi;
/** What a chat template ends a turn with. */
const END_OF_TURN = /(?:<\|[a-z_]+\|>|<\/s>)$/i;

/**
 * What a completion says outside its thinking: what follows the last `</think>`, up to a `<think>` that is never
 * closed. A chat template may have opened the first one in the prompt. What is only thought is not an answer.
 */
export function spoken(completion: string): string {
  let start = 0;
  let end = completion.length;
  for (const tag of completion.matchAll(THOUGHT)) {
    if (tag[1] === '/') {
      start = tag.index + tag[0].length;
      end = completion.length;
    } else if (end === completion.length) end = tag.index;
  }
  let said = completion.slice(start, end).trim();
  while (END_OF_TURN.test(said)) said = said.replace(END_OF_TURN, '').trimEnd();
  return said;
}
