// Made from schemas/*.avsc by `npm run records`; edit the schemas instead.

/** A target distribution per completion token: the k likeliest tokens and the rest in one bucket. */
export interface Distillation {
  /** Tokens per position. */
  readonly k: number;
  /** Token ids, int32 little-endian, k per completion token. */
  readonly topIds: Uint8Array;
  /** Their natural log-probabilities, float32 little-endian. */
  readonly topLogprobs: Uint8Array;
  /** Log-probability of all other tokens together, one per completion token, float32 little-endian. */
  readonly tailLogprobs: Uint8Array;
}

/** All that a learner needs of one sample, whatever method made it. */
export interface Advantage {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Unique within the run; the key of every record of this prompt's group. */
  readonly promptId: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Position of the prompt in the run, from 0. */
  readonly sequence: bigint;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  readonly sampleIndex: number;
  readonly groupSize: number;
  /** Version of the weights that sampled the completion. */
  readonly policyVersion: number;
  /** Sampling temperature; every log-probability of this sample is under it. */
  readonly temperature: number;
  /** Token ids, int32 little-endian. */
  readonly promptTokens: Uint8Array;
  /** Token ids, int32 little-endian. */
  readonly completionTokens: Uint8Array;
  /** One byte per completion token: 1 trains, 0 does not. */
  readonly mask: Uint8Array;
  /** float32 little-endian. */
  readonly samplingLogprobs: Uint8Array;
  /** float32 little-endian, 0 where the mask is 0. */
  readonly tokenAdvantages: Uint8Array;
  /** The group-relative advantage of the sample. */
  readonly advantage: number;
  readonly reward: number;
  /** The verdict's name, for reports. */
  readonly verdict: string;
  /** Why the completion ended, as in rollouts; null in records of 0.1.0. */
  readonly finishReason: string | null;
  /** Version of the teacher's weights; null where no teacher scored the sample. */
  readonly teacherVersion: number | null;
  /** Loss weight of each completion token, float32 little-endian; null: 1 everywhere. */
  readonly tokenWeights: Uint8Array | null;
  /**
   * Log-probability of each completion token under a reference model, float32 little-endian; null where the loss reads
   * none.
   */
  readonly referenceLogprobs: Uint8Array | null;
  /** What the student is trained towards; null where the method does not distill. */
  readonly distillation: Distillation | null;
  /** The method's own statistics of this sample, by name. */
  readonly stats: Readonly<Record<string, number>>;
  /** Name and settings hash of the method. The field keeps its name from 0.1.0, which reads it. */
  readonly shaper: string;
}

/** A record that a stage could not process; it can be put back. */
export interface DeadLetter {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Hash of stage and origin. */
  readonly id: string;
  readonly stage: string;
  /** Short code, such as prompt-too-long. */
  readonly cause: string;
  /** What was found and what was expected; no privileged text. */
  readonly error: string;
  /** Origin topic, or the file where a line never became a record. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string;
  /** The record as it was read. */
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempts: number;
  readonly time: number;
}

export type Role = 'system' | 'user' | 'assistant';

export interface Message {
  readonly role: Role;
  readonly content: string;
}

export type VerdictKind = 'correct' | 'incorrect' | 'unparseable' | 'timeout' | 'crash' | 'denied';

/** One verifier's judgement. */
export interface Opinion {
  /** Name of the verifier. */
  readonly verifier: string;
  /** Content hash of the verifier's code and settings. */
  readonly verifierHash: string;
  readonly verdict: VerdictKind;
  /** The verifier's reward, usually 0 to 1. */
  readonly reward: number;
  /** Why, in one line; never quotes the reference. */
  readonly reason: string;
  /** Extracted answer, first failing test, diagnostics; never the reference. */
  readonly evidence: Readonly<Record<string, string>>;
}

/** A rollout that one of two verifiers calls correct and the other does not. */
export interface Disagreement {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Unique within the run; the key of every record of this prompt's group. */
  readonly promptId: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Position of the prompt in the run, from 0. */
  readonly sequence: bigint;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  /** The conversation that the student saw, before the chat template. */
  readonly messages: readonly Message[];
  /** Member of the group, 0 to groupSize - 1. */
  readonly sampleIndex: number;
  /** Completions sampled for this prompt. */
  readonly groupSize: number;
  /** Version of the weights that sampled the completion. */
  readonly policyVersion: number;
  /** The completion as text, special tokens left out. */
  readonly completion: string;
  /** The first verifier, whose verdict counts. */
  readonly judged: Opinion;
  /** The second, which only checks it. */
  readonly checked: Opinion;
}

/** One completion of a held-out prompt, as a version of the weights was measured. */
export interface Evaluation {
  /** Id of the run that made this record. */
  readonly run: string;
  /** The stage that measured: evaluate, or that of a further learner. */
  readonly stage: string;
  /** Version of the weights that was measured. */
  readonly version: number;
  /** The held-out prompt's id. */
  readonly itemId: string;
  /** Its level of difficulty, where the source of the prompts tells one. */
  readonly level: string | null;
  /** Sampling temperature; 0 is the greedy completion. */
  readonly temperature: number;
  /** Among the completions of this prompt at this temperature, from 0. */
  readonly sampleIndex: number;
  /** The completion as text, special tokens left out. */
  readonly completion: string;
  /** Its length in tokens. */
  readonly tokens: number;
  readonly verdict: VerdictKind;
  /** The verifier's reward, usually 0 to 1. */
  readonly reward: number;
  /** Why, in one line; never quotes the reference. */
  readonly reason: string;
}

/** Measurements of one stage at one step. */
export interface Metric {
  /** Id of the run that made this record. */
  readonly run: string;
  readonly stage: string;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  readonly time: number;
  readonly values: Readonly<Record<string, number>>;
  /** Set when a person should look: an alarm and its cause. */
  readonly message: string | null;
}

export type PrivilegedKind = 'reference' | 'trace' | 'document';

/** Context that only the teacher sees. Keyed by document id, compacted; a record without content is a deletion. */
export interface Privileged {
  /** Id of the run that made this record. */
  readonly run: string;
  readonly documentId: string;
  /** The prompt item that this belongs to; null for documents that are joined by search or for a whole pipeline. */
  readonly itemId: string | null;
  readonly kind: PrivilegedKind;
  /** Content hash. */
  readonly version: string;
  readonly title: string;
  /** The text; null once forgotten or deleted. */
  readonly content: string | null;
  /** First character of this chunk in its document. */
  readonly start: number;
  /** One past the last character. */
  readonly end: number;
  /** Access label; a pipeline must be allowed it. */
  readonly label: string | null;
  /** File, topic or generator it came from. */
  readonly source: string;
  /** When it was read. */
  readonly time: number;
}

/** One task for the student. Holds only what the student may see. */
export interface Prompt {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Unique within the run; the key of every record of this prompt's group. */
  readonly promptId: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Position of the prompt in the run, from 0. */
  readonly sequence: bigint;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  /** The conversation that the chat template turns into the student's prompt. */
  readonly messages: readonly Message[];
  /** Seed of every draw made for this record. */
  readonly seed: bigint;
  /** Where the prompt came from: file:line, generator or topic@offset. */
  readonly source: string;
  /** Level of difficulty, where the source of the prompts tells one. */
  readonly level: string | null;
}

/** What the verifier compares with. Keyed by itemId, compacted. */
export interface Reference {
  /** Id of the run that made this record. */
  readonly run: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Reference answer as text; empty where only data is used. */
  readonly answer: string;
  /** JSON for verifiers that need more than an answer: tests, schemas, databases. */
  readonly data: string | null;
  /** Content hash of answer and data. */
  readonly hash: string;
}

export type FinishReason = 'stop' | 'length';

/** One completion by the student. */
export interface Rollout {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Unique within the run; the key of every record of this prompt's group. */
  readonly promptId: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Position of the prompt in the run, from 0. */
  readonly sequence: bigint;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  /** The conversation that the student saw, before the chat template. */
  readonly messages: readonly Message[];
  /** Member of the group, 0 to groupSize - 1. */
  readonly sampleIndex: number;
  /** Completions sampled for this prompt. */
  readonly groupSize: number;
  /** Version of the weights that sampled the completion. */
  readonly policyVersion: number;
  /** SHA-256 of those weights. */
  readonly policyDigest: string;
  /** Seed of every draw made for this record. */
  readonly seed: bigint;
  /** Content hash of the chat template that made promptTokens. */
  readonly templateHash: string;
  /** Sampling temperature; every log-probability of this sample is under it. */
  readonly temperature: number;
  /** Token ids, int32 little-endian. */
  readonly promptTokens: Uint8Array;
  /** SHA-256 of promptTokens as they were handed to the student model; empty in records of earlier releases. */
  readonly promptDigest: string;
  /** Token ids, int32 little-endian, the stop token included. */
  readonly completionTokens: Uint8Array;
  /** Natural log-probability of each completion token when it was sampled, float32 little-endian. */
  readonly samplingLogprobs: Uint8Array;
  /** The completion as text, special tokens left out. */
  readonly completion: string;
  /** stop: an end token or a stop string; length: the token limit. */
  readonly finishReason: FinishReason;
}

export interface DocumentUse {
  readonly id: string;
  /** Content hash of the document. */
  readonly version: string;
  /** First character used. */
  readonly start: number;
  /** One past the last character used. */
  readonly end: number;
  readonly truncated: boolean;
}

/** One verdict with the teacher's scores of the same tokens. */
export interface TeacherScore {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Unique within the run; the key of every record of this prompt's group. */
  readonly promptId: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Position of the prompt in the run, from 0. */
  readonly sequence: bigint;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  /** The conversation that the student saw, before the chat template. */
  readonly messages: readonly Message[];
  /** Member of the group, 0 to groupSize - 1. */
  readonly sampleIndex: number;
  /** Completions sampled for this prompt. */
  readonly groupSize: number;
  /** Version of the weights that sampled the completion. */
  readonly policyVersion: number;
  /** SHA-256 of those weights. */
  readonly policyDigest: string;
  /** Seed of every draw made for this record. */
  readonly seed: bigint;
  /** Content hash of the chat template that made promptTokens. */
  readonly templateHash: string;
  /** Sampling temperature; every log-probability of this sample is under it. */
  readonly temperature: number;
  /** Token ids, int32 little-endian. */
  readonly promptTokens: Uint8Array;
  /** Token ids, int32 little-endian, the stop token included. */
  readonly completionTokens: Uint8Array;
  /** Natural log-probability of each completion token when it was sampled, float32 little-endian. */
  readonly samplingLogprobs: Uint8Array;
  /** The completion as text, special tokens left out. */
  readonly completion: string;
  /** stop: an end token or a stop string; length: the token limit. */
  readonly finishReason: FinishReason;
  readonly verdict: VerdictKind;
  /** The verifier's reward, usually 0 to 1. */
  readonly reward: number;
  /** Why, in one line; never quotes the reference. */
  readonly reason: string;
  /** Extracted answer, first failing test, diagnostics; never the reference. */
  readonly evidence: Readonly<Record<string, string>>;
  /** Name of the verifier. */
  readonly verifier: string;
  /** Content hash of the verifier's code and settings. */
  readonly verifierHash: string;
  /**
   * Log-probability of each completion token under the teacher, float32 little-endian; null where the teacher was not
   * asked for it.
   */
  readonly teacherLogprobs: Uint8Array | null;
  /** The same under a contrasting context, for methods that compare two; null otherwise. */
  readonly contrastLogprobs: Uint8Array | null;
  /** The teacher's distribution at each completion token; null where the method does not ask for it. */
  readonly teacherTop: Distillation | null;
  /** Version of the weights that scored; null where the pass was skipped. */
  readonly teacherVersion: number | null;
  /**
   * Content hash of the teacher's prompt template; null where the pass was skipped or the teacher saw the student's
   * own prompt.
   */
  readonly teacherTemplateHash: string | null;
  /** What the teacher was shown: identity and span only, no content. */
  readonly documents: readonly DocumentUse[];
}

/** One rollout judged. */
export interface Verdict {
  /** Id of the run that made this record. */
  readonly run: string;
  /** Unique within the run; the key of every record of this prompt's group. */
  readonly promptId: string;
  /** The data set's own id; references and privileged context are looked up by it. */
  readonly itemId: string;
  /** Position of the prompt in the run, from 0. */
  readonly sequence: bigint;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  /** The conversation that the student saw, before the chat template. */
  readonly messages: readonly Message[];
  /** Member of the group, 0 to groupSize - 1. */
  readonly sampleIndex: number;
  /** Completions sampled for this prompt. */
  readonly groupSize: number;
  /** Version of the weights that sampled the completion. */
  readonly policyVersion: number;
  /** SHA-256 of those weights. */
  readonly policyDigest: string;
  /** Seed of every draw made for this record. */
  readonly seed: bigint;
  /** Content hash of the chat template that made promptTokens. */
  readonly templateHash: string;
  /** Sampling temperature; every log-probability of this sample is under it. */
  readonly temperature: number;
  /** Token ids, int32 little-endian. */
  readonly promptTokens: Uint8Array;
  /** Token ids, int32 little-endian, the stop token included. */
  readonly completionTokens: Uint8Array;
  /** Natural log-probability of each completion token when it was sampled, float32 little-endian. */
  readonly samplingLogprobs: Uint8Array;
  /** The completion as text, special tokens left out. */
  readonly completion: string;
  /** stop: an end token or a stop string; length: the token limit. */
  readonly finishReason: FinishReason;
  readonly verdict: VerdictKind;
  /** The verifier's reward, usually 0 to 1. */
  readonly reward: number;
  /** Why, in one line; never quotes the reference. */
  readonly reason: string;
  /** Extracted answer, first failing test, diagnostics; never the reference. */
  readonly evidence: Readonly<Record<string, string>>;
  /** Name of the verifier. */
  readonly verifier: string;
  /** Content hash of the verifier's code and settings. */
  readonly verifierHash: string;
}

export interface TopicOffset {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read. */
  readonly offset: bigint;
}

export interface Chunk {
  readonly index: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export type WeightsFormat = 'full' | 'adapter';

/** One published version of the policy, or one chunk of it. */
export interface Weights {
  /** Id of the run that made this record. */
  readonly run: string;
  /** 0 is the base model, with the initial adapter where the run trains one. */
  readonly version: number;
  /** Version that this one was trained from. */
  readonly parent: number | null;
  /** Training step that this prompt belongs to, from 0. */
  readonly step: number;
  /** SHA-256 of the model file, or of adapter_model.safetensors. */
  readonly digest: string;
  /** What had been consumed when this version was made. */
  readonly offsets: readonly TopicOffset[];
  /** Folder of the model or adapter, relative to the run; null where the tensors travel in chunks. */
  readonly location: string | null;
  /** A part of the model file or of adapter_model.safetensors, in order. */
  readonly chunk: Chunk | null;
  /** Whether these are all weights, or an adapter in PEFT's layout over the base model. */
  readonly format: WeightsFormat;
}

/** The record type of each topic. */
export interface TopicRecords {
  "advantages": Advantage;
  "dead-letters": DeadLetter;
  "disagreements": Disagreement;
  "evaluations": Evaluation;
  "metrics": Metric;
  "privileged": Privileged;
  "prompts": Prompt;
  "references": Reference;
  "rollouts": Rollout;
  "teacher-scores": TeacherScore;
  "verdicts": Verdict;
  "weights": Weights;
}
