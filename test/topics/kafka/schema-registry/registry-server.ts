import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import avro from 'avsc';

/**
 * A stand-in for Confluent's schema registry, for tests only: subjects, ids shared by equal schemas, and backward
 * compatibility as avsc sees it. The answers and status codes are those of the registry's documented API.
 */
export async function startRegistry() {
  const schemas: string[] = []; // id - 1
  const subjects = new Map<string, string[]>();
  const requests: string[] = [];

  const compatible = (reader: string, writer: string): string[] => {
    try {
      avro.Type.forSchema(JSON.parse(reader)).createResolver(avro.Type.forSchema(JSON.parse(writer)));
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  };

  const route = (method: string, path: string, body: { schema?: string }): [number, object] => {
    if (method === 'GET' && path === '/subjects') return [200, [...subjects.keys()]];
    const [, check] = /^\/compatibility\/subjects\/([^/]+)\/versions\/latest/.exec(path) ?? [];
    const [, subject] = /^\/subjects\/([^/]+)\/versions$/.exec(path) ?? [];
    const [, id] = /^\/schemas\/ids\/(\d+)$/.exec(path) ?? [];
    if (method === 'GET' && id) {
      const schema = schemas[Number(id) - 1];
      return schema ? [200, { schema }] : [404, { error_code: 40403, message: `Schema ${id} not found` }];
    }
    const versions = subjects.get(decodeURIComponent(check ?? subject ?? '')) ?? [];
    const latest = versions.at(-1);
    const { schema = '' } = body;
    if (method === 'POST' && check) {
      if (latest === undefined) return [404, { error_code: 40401, message: 'Subject not found' }];
      const messages = compatible(schema, latest);
      return [200, { is_compatible: messages.length === 0, messages }];
    }
    if (method === 'POST' && subject) {
      if (latest !== undefined && compatible(schema, latest).length > 0)
        return [409, { error_code: 409, message: 'Schema being registered is incompatible with an earlier schema' }];
      if (!versions.includes(schema)) subjects.set(decodeURIComponent(subject), [...versions, schema]);
      if (!schemas.includes(schema)) schemas.push(schema);
      return [200, { id: schemas.indexOf(schema) + 1 }];
    }
    return [404, { error_code: 404, message: 'HTTP 404 Not Found' }];
  };

  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (data) => {
      text += data;
    });
    request.on('end', () => {
      requests.push(`${request.method} ${request.url}`);
      const [status, answer] = route(request.method ?? '', request.url ?? '', text ? JSON.parse(text) : {});
      response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subjects,
    schemas,
    requests,
    close: () => new Promise((done) => server.close(done)),
  };
}
