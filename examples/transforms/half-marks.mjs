// Half marks for answers that ran into the token limit. One verdict at a time.
import { map } from 'rxjs';

export const unit = 'record';

export default () =>
  map((verdict) => (verdict.finishReason === 'length' ? { ...verdict, reward: verdict.reward / 2 } : verdict));
