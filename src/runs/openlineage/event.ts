/**
 * The part of an OpenLineage run event that a run needs, by specification 2-0-2
 * (https://openlineage.io/spec/2-0-2/OpenLineage.json). Everything without a standard facet is in the run facet `rlsd`.
 */
export interface RunEvent {
  readonly eventType: EventType;
  /** ISO 8601. */
  readonly eventTime: string;
  readonly producer: string;
  readonly schemaURL: string;
  readonly run: { readonly runId: string; readonly facets: Facets };
  readonly job: { readonly namespace: string; readonly name: string; readonly facets: Facets };
  readonly inputs: readonly InputDataset[];
  readonly outputs: readonly OutputDataset[];
}

export type EventType = 'START' | 'COMPLETE' | 'ABORT' | 'FAIL';

export interface Facet {
  readonly _producer: string;
  readonly _schemaURL: string;
}
export type Facets = Readonly<Record<string, Facet>>;

interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: Facets;
}
export type InputDataset = Dataset & { readonly inputFacets?: Facets };
export type OutputDataset = Dataset & { readonly outputFacets?: Facets };

const specification = 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/';
export const schemaURL = `${specification}RunEvent`;

/** Constructors for the facets of a producer, which is a URI. */
export function facetsBy(producer: string) {
  const facet =
    <T extends object>(schema: string) =>
    (fields: T): Facet & T => ({ _producer: producer, _schemaURL: schema, ...fields });
  const standard = <T extends object>(version: string, name: string) =>
    facet<T>(`https://openlineage.io/spec/facets/${version}/${name}.json#/$defs/${name}`);
  return {
    processingEngine: standard<{ version: string; name: string; openlineageAdapterVersion: string }>(
      '1-1-1',
      'ProcessingEngineRunFacet',
    ),
    errorMessage: standard<{ message: string; programmingLanguage: string }>('1-0-1', 'ErrorMessageRunFacet'),
    jobType: standard<{ processingType: string; integration: string; jobType: string }>('2-0-4', 'JobTypeJobFacet'),
    datasetType: standard<{ datasetType: string }>('1-0-1', 'DatasetTypeDatasetFacet'),
    version: standard<{ datasetVersion: string }>('1-0-1', 'DatasetVersionDatasetFacet'),
    schema: standard<{ fields: readonly { name: string; type: string; description?: string }[] }>(
      '1-2-0',
      'SchemaDatasetFacet',
    ),
    inputStatistics: standard<{ fileCount: number; size: number }>('1-0-0', 'InputStatisticsInputDatasetFacet'),
    outputStatistics: standard<{ rowCount: number }>('1-0-2', 'OutputStatisticsOutputDatasetFacet'),
    rlsd: facet<object>(`${specification}RunFacet`),
  };
}
