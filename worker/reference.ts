/** The API's reference as one page: made from openapi.json, with nothing in it that is loaded from elsewhere. */
import apiDocument from '../docs/openapi.json';
import { STYLE } from './reference-style.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly $ref?: string;
}

interface Content {
  readonly [type: string]: { readonly schema: Schema };
}

interface Operation {
  readonly summary: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

let page: Promise<{ html: string; policy: string }> | null = null;

export async function reference(): Promise<Response> {
  page ??= made(apiDocument);
  const { html, policy } = await page;
  return new Response(html, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
  });
}

async function made(document: ApiDocument): Promise<{ html: string; policy: string }> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE));
  const style = `'sha256-${new Uint8Array(digest).toBase64()}'`;
  return {
    html: referencePage(document),
    policy: `default-src 'none'; style-src ${style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

/** A path with a suffix is a form of the one without, and is told there. */
function referencePage({ paths, components }: ApiDocument): string {
  const operations = Object.entries(paths)
    .filter(([path]) => !path.endsWith('.{suffix}'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        method,
        operation,
        suffixes: `${path}.{suffix}` in paths,
      })),
    );
  const list = operations.map(
    ({ method, path }) =>
      `<li><a href="#${anchor(method, path)}"><b class="${method}">${method.toUpperCase()}</b><span>${text(shortPath(path))}</span></a></li>`,
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Parley: API reference</title>',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<style>${STYLE}</style></head><body>`,
    `<nav aria-label="Operations"><h1>Parley</h1><ul>${list.join('')}</ul></nav><main>`,
    '<h1>API reference</h1>',
    '<p>Every call carries <code>Authorization: Bearer &lt;token&gt;</code>: the admin token, or a client token (<code>ek_…</code>).',
    ' Paths that begin <code>/…/</code> begin <code>/v1/{account}/{gateway}/</code>. Results stand in an envelope: <code>success</code>, ',
    '<code>errors</code>, <code>result</code>, and in lists <code>result_info</code> with a <code>cursor</code>. This page is made from ',
    '<code>/openapi.json</code>.</p>',
    ...operations.map(section),
    errorSection(components.schemas['Error']),
    '</main></body></html>',
  ].join('');
}

function section(of: { path: string; method: string; operation: Operation; suffixes: boolean }): string {
  const { path, method, operation, suffixes } = of;
  const [[status, answer] = ['200', undefined]] = Object.entries(operation.responses);
  const forms = Object.keys(answer?.content ?? {});
  return [
    `<section id="${anchor(method, path)}"><h2><b class="${method}">${method.toUpperCase()}</b> <code>${text(path)}</code></h2>`,
    `<p>${text(operation.summary).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>`,
    parametersOf(operation, 'query', 'Query'),
    parametersOf(operation, 'header', 'Headers'),
    bodyOf('Body', operation.requestBody?.content),
    forms.length < 2 && !suffixes
      ? ''
      : `<p>As ${forms.map((form) => `<code>${text(form)}</code>`).join(', ')}: by <code>Accept</code>${suffixes ? ', or by suffix' : ''}.</p>`,
    bodyOf(`Answer ${status}`, answer?.content),
    '</section>',
  ].join('');
}

function parametersOf({ parameters }: Operation, wanted: 'query' | 'header', title: string): string {
  const rows = parameters
    .filter(({ in: place }) => place === wanted)
    .map(
      ({ name, schema, description = schema.description ?? '' }) =>
        `<tr><td><code>${text(name)}</code></td><td>${typeOf(schema)}</td><td>${text(description)}</td></tr>`,
    );
  return rows.length === 0 ? '' : `<h3>${title}</h3><table>${rows.join('')}</table>`;
}

function bodyOf(title: string, content: Content | undefined): string {
  const schema = content?.['application/json']?.schema;
  if (schema === undefined) return '';
  return `<details><summary>${text(title)}</summary>${treeOf(schema.properties?.['result'] ?? schema)}</details>`;
}

function treeOf(schema: Schema): string {
  const { properties, items, required = [] } = schema;
  const choices = schema.anyOf ?? schema.oneOf;
  if (properties !== undefined) {
    const rows = Object.entries(properties).map(
      ([name, each]) =>
        `<li><code>${text(name)}</code>${required.includes(name) ? '' : ' <i>optional</i>'} ${typeOf(each)}${
          each.description === undefined ? '' : `<p class="lines">${text(each.description)}</p>`
        }${isDeep(each) ? treeOf(each) : ''}</li>`,
    );
    return `<ul class="tree">${rows.join('')}</ul>`;
  }
  if (items !== undefined) return isDeep(items) ? treeOf(items) : `<p>${typeOf(schema)}</p>`;
  if (choices !== undefined && choices.some(isDeep))
    return choices.filter(isDeep).map(treeOf).join('<p>or</p>');
  return `<p>${typeOf(schema)}</p>`;
}

function isDeep({ properties, items, anyOf, oneOf }: Schema): boolean {
  if (properties !== undefined) return true;
  return [...(items === undefined ? [] : [items]), ...(anyOf ?? []), ...(oneOf ?? [])].some(isDeep);
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return `<code>${text(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `<code>${text(String(value))}</code>`).join(' · ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.items !== undefined) return `array of ${typeOf(schema.items)}`;
  const type = schema.type ?? (schema.properties === undefined ? 'any' : 'object');
  return text(typeof type === 'string' ? type : type.join(' or '));
}

function errorSection(schema: Schema | undefined): string {
  const item = schema?.properties?.['errors']?.items;
  const sentences = item?.properties?.['message']?.description?.split('\n') ?? [];
  const rows = sentences.map((line) => {
    const [code = '', ...rest] = line.split(': ');
    return `<tr id="${text(code)}"><td><code>${text(code)}</code></td><td>${text(rest.join(': '))}</td></tr>`;
  });
  return `<section id="errors"><h2>Errors</h2><table>${rows.join('')}</table></section>`;
}

function shortPath(path: string): string {
  return path
    .replace('/v1/{account}/{gateway}/', '/…/')
    .replace(/^\/client\/v4\/.*\/logs/, '/client/v4/…/logs');
}

function anchor(method: string, path: string): string {
  return `${method}${path.replace(/[^a-z0-9]+/gi, '-').replace(/-$/, '')}`;
}

function text(raw: string): string {
  return raw
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
