/** Starts a real schema registry; `url` is the base of its Confluent API. Needs what `brokerMissing` asks for. */
export function startApicurio(): Promise<{ readonly url: string; close(): Promise<void> }>;
