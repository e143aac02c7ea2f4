import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, test } from 'vitest';
import schema from '../../config.schema.json' with { type: 'json' };
import { generatedFiles } from '../../scripts/generate.mjs';
import { readConfig } from '../../src/cli/settings/config.js';
import { UsageError } from '../../src/cli/settings/usage-error.js';
import { REDIRECT_STATUSES } from '../../src/files/rules/redirects.js';
import {
  ETAG_SOURCES,
  resolveSiteOptions,
  SITE_OPTION_NAMES,
  SYMLINK_POLICIES,
} from '../../src/files/rules/site-options.js';
import { LIMIT_NAMES, LIMITS } from '../../src/http/limits.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { ACCESS_LOG_FORMATS } from '../../src/server/log/access-log.js';
import { HOST_NAME } from '../../src/server/options.js';
import { PACKAGE } from '../support/command.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-config-'));
const path = join(directory, 'site.json');
afterAll(() => rmSync(directory, { recursive: true }));

/** @param content the text of the file, or a value to write as JSON */
function read(content: unknown) {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readConfig(path);
}

function messageOf(content: unknown, from = () => read(content)): string {
  try {
    from();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty('code', 'ERR_EPOLLET_USAGE');
    return (error as UsageError).message;
  }
  throw new Error(`accepted: ${JSON.stringify(content)}`);
}

describe('a configuration', () => {
  test('may be empty', () => expect(read({})).toEqual({ limits: {}, site: {}, hosts: new Map() }));

  test('has what the file has, with paths resolved from its directory', () => {
    const site = { etag: 'content', cors: null, fallback: 'index.html', redirects: [{ from: '/a', to: '/b' }] };
    const config = read({
      $schema: '../config.schema.json',
      host: '::',
      port: 0,
      workers: 'auto',
      accept: 'shared',
      trigger: 'edge',
      accessLog: 'json',
      accessLogFile: '../logs/access.log',
      requestIds: true,
      root: 'html',
      app: '../app.mjs',
      fetchFirst: true,
      ...site,
      limits: { headBytes: 64 },
      hosts: { 'www.example.org': { root: '../other', directoryListing: true }, localhost: { root: '/srv' } },
    });
    expect(config).toEqual({
      host: '::',
      port: 0,
      workers: 'auto',
      accept: 'shared',
      trigger: 'edge',
      accessLog: 'json',
      accessLogFile: join(directory, '../logs/access.log'),
      requestIds: true,
      root: join(directory, 'html'),
      app: join(directory, '../app.mjs'),
      fetchFirst: true,
      limits: { headBytes: 64 },
      site,
      hosts: new Map([
        ['www.example.org', { root: join(directory, '../other'), site: { directoryListing: true } }],
        ['localhost', { root: '/srv', site: {} }],
      ]),
    });
  });

  test('may begin with a byte order mark', () => expect(read('\uFEFF{"port": 1}').port).toBe(1));

  test.each(['a', 'a.b-c.example', 'xn--bcher-kva.example', '_x.example', '127.0.0.1', '[::1]', '__proto__'])(
    'may have the host %s',
    (host) => expect([...read({ hosts: { [host]: { root: '.' } } }).hosts.keys()]).toEqual([host]),
  );
});

/** Contents with what the error message has after the path. */
const MISTAKES: [content: unknown, sentence: string | RegExp][] = [
  [[], 'the file must be an object of options, not [].'],
  [null, 'the file must be an object of options, not null.'],
  [{ prt: 1 }, 'prt is not an option; did you mean port?'],
  [{ hostname: '::' }, 'hostname is not an option; did you mean host?'],
  [{ spa: true }, 'spa is not an option; did you mean fallback: "index.html"?'],
  [{ fetch: 'app.mjs' }, 'fetch is not an option; did you mean app?'],
  [{ vhost: {} }, 'vhost is not an option; did you mean hosts?'],
  [{ public: 'dist' }, 'public is not an option; did you mean root?'],
  [{ idleTimeoutMs: 1 }, 'idleTimeoutMs is not an option; did you mean limits.idleTimeoutMs?'],
  [{ hosts: { a: { root: '.', spa: true } } }, 'hosts["a"].spa is not an option; did you mean fallback: "index.html"?'],
  [{ acesslog: 'off' }, 'acesslog is not an option; did you mean accessLog?'],
  [{ Etag: 'stat' }, 'Etag is not an option; did you mean etag?'],
  [{ sumlinks: 1 }, 'sumlinks is not an option; did you mean symlinks?'],
  [{ chorse: null }, 'chorse is not an option; did you mean cors?'],
  [
    { quux: 1 },
    `quux is not an option; there are: $schema, host, port, listen, workers, accept, trigger, accessLog, accessLogFile, requestIds, trustedProxies, proxyProtocol, exemptClients, admin, root, app, fetchFirst, ${SITE_OPTION_NAMES.join(', ')}, limits, hosts.`,
  ],
  [{ 'a b': 1 }, /^\["a b"\] is not an option; /],
  [{ host: '' }, 'host must be an address or a name, not "".'],
  [{ port: '80' }, 'port must be an integer from 0 to 65535, not "80".'],
  [{ port: 65536 }, 'port must be an integer from 0 to 65535, not 65536.'],
  [{ workers: 1.5 }, 'workers must be an integer from 1 to 1024, or auto, not 1.5.'],
  [{ accept: 'all' }, 'accept must be one of "reuseport", "shared", not "all".'],
  [{ trigger: 'Edge' }, 'trigger must be one of "level", "edge", "oneshot", not "Edge".'],
  [{ accessLog: true }, 'accessLog must be one of "off", "combined", "json", not true.'],
  [{ root: 5 }, 'root must be the path of a directory, not 5.'],
  [{ root: '' }, 'root must be the path of a directory, not "".'],
  [{ app: '' }, 'app must be the path of a module such as "app.mjs", not "".'],
  [{ fetchFirst: 1 }, 'fetchFirst must be true or false, not 1.'],
  [{ hosts: { a: { root: '.', app: 'a.mjs' } } }, /^hosts\["a"\]\.app is not an option; /],
  [{ etag: null }, 'etag must be one of "stat", "content", not null.'],
  [{ compress: 'yes' }, 'compress must be true or false, not "yes".'],
  [{ fallback: '/x' }, 'fallback must be null or the name of a file below the root such as "index.html", not "/x".'],
  [{ fallback: 5 }, 'fallback must be null or the name of a file below the root such as "index.html", not 5.'],
  [{ previousReleaseMs: -1 }, 'previousReleaseMs must be an integer from 0 to 604800000, not -1.'],
  [{ cacheControl: {} }, 'cacheControl must be a list, not {}.'],
  [{ cacheControl: [{}] }, 'cacheControl[0] must have "match".'],
  [{ cacheControl: [{ match: '*' }] }, 'cacheControl[0] must have "value".'],
  [{ cacheControl: [{ match: '*', vlaue: '' }] }, 'cacheControl[0].vlaue is not an option; did you mean value?'],
  [
    { cacheControl: [{ match: '*', value: 'x', valeu: '' }] },
    'cacheControl[0].valeu is not an option; did you mean value?',
  ],
  [
    { headers: [{ match: '[', set: {} }] },
    'headers[0].match must be a glob whose brackets are in pairs; a literal one has a backslash before it, not "[".',
  ],
  [
    { headers: [{ match: '*', set: { 'X-A': 1 } }] },
    'headers[0].set["X-A"] must be a text of visible latin1 characters, without whitespace around it, not 1.',
  ],
  [
    { headers: [{ match: '*', set: { 'X A': '1' } }] },
    'headers[0].set["X A"] must be the name of a field such as "X-Robots-Tag", not "X A".',
  ],
  [
    { redirects: [{ from: '/a', to: '//b' }] },
    'redirects[0].to must be a path with one slash at its beginning, or an http(s) URL in full, not "//b".',
  ],
  [{ headers: [{ match: '*', sets: {} }] }, 'headers[0].sets is not an option; did you mean set?'],
  [{ redirects: [{ form: '/a', to: '/b' }] }, 'redirects[0].form is not an option; did you mean from?'],
  [{ redirects: [{ source: '/a', to: '/b' }] }, 'redirects[0].source is not an option; there are: from, to, status.'],
  [{ redirects: [{ from: '/a' }, { too: '/b' }] }, 'redirects[0] must have "to".'],
  [{ redirects: [{ from: '/a', to: '/a' }] }, 'redirects[0].to must be another path than from, "/a".'],
  [
    { redirects: [{ from: '/a', to: '/b', status: 300 }] },
    'redirects[0].status must be one of 301, 302, 303, 307, 308, not 300.',
  ],
  [{ cors: {} }, 'cors must have "origins".'],
  [{ cors: { orgins: '*' } }, 'cors.orgins is not an option; did you mean origins?'],
  [
    { cors: { origins: 'https://a' } },
    'cors.origins must be "*" or a list of origins such as "https://www.example.org", not "https://a".',
  ],
  [
    { cors: { origins: '*', credentials: true } },
    'cors.credentials must be false with origins "*": with credentials, list the origins.',
  ],
  [{ limits: { headBytes: 1 } }, 'limits.headBytes must be an integer from 64 to 49152, not 1.'],
  [{ limits: { headbytes: 64 } }, 'limits.headbytes is not an option; did you mean headBytes?'],
  [{ limits: [] }, 'limits must be an object, not [].'],
  [{ hosts: { a: {} } }, 'hosts["a"] must have "root".'],
  [{ hosts: { a: { rot: 'v1' } } }, 'hosts["a"].rot is not an option; did you mean root?'],
  [{ hosts: { a: {}, b: { rot: 'v1' } } }, 'hosts["a"] must have "root".'],
  [{ hosts: { a: '/srv' } }, 'hosts["a"] must be an object with a root, not "/srv".'],
  [{ hosts: { a: { root: '.', etag: 'md5' } } }, 'hosts["a"].etag must be one of "stat", "content", not "md5".'],
  [{ hosts: { a: { root: '.', etga: 1 } } }, 'hosts["a"].etga is not an option; did you mean etag?'],
  [{ hosts: { a: { root: '.', port: 1 } } }, /^hosts\["a"\]\.port is not an option; /],
  [
    { hosts: { 'a/~b': { root: '.' } } },
    'hosts["a/~b"] must be a host in lower case without a port, such as "www.example.org" or "[::1]".',
  ],
  [{ hosts: { 'A.example': { root: '.' } } }, /^hosts\["A\.example"\] must be a host in lower case/],
  [{ hosts: { 'a:80': { root: '.' } } }, /^hosts\["a:80"\] must be a host in lower case/],
  [{ hosts: { 'a.example.': { root: '.' } } }, /^hosts\["a\.example\."\] must be a host in/],
  [{ hosts: { '::1': { root: '.' } } }, /^hosts\["::1"\] must be a host in/],
  [{ hosts: { '[::1]:80': { root: '.' } } }, /^hosts\["\[::1\]:80"\] must be a host in/],
  [{ hosts: { '*.a': { root: '.' } } }, /^hosts\["\*\.a"\] must be a host in/],
  [
    { hosts: { 'a.b': { root: '.', cors: { origins: ['null'] } } } },
    'hosts["a.b"].cors.origins[0] must be an origin as a browser sends it, such as "https://www.example.org", not "null".',
  ],
];

describe('an invalid option is one sentence with its name and the remedy', () => {
  test.each(MISTAKES)('%j', (content, sentence) => {
    const message = messageOf(content);
    expect(message.startsWith(`${path}: `)).toBe(true);
    const rest = message.slice(path.length + 2);
    if (typeof sentence === 'string') expect(rest).toBe(sentence);
    else expect(rest).toMatch(sentence);
    expect(rest).toMatch(/^[^\n]*[.?]$/);
  });
});

describe('the error for text that is not JSON has the position', () => {
  test.each([
    ['', 1, 1, 'a value'],
    ['  \n', 2, 1, 'a value'],
    ['{', 1, 2, 'a name in double quotes'],
    ['{"port": 1,}', 1, 12, 'a name in double quotes'],
    ['{\n  "port": 1\n  "host": "a"\n}', 3, 3, 'a comma or }'],
    ['{\r\n  // all\r\n}', 2, 3, 'a name in double quotes'],
    ["{'port': 1}", 1, 2, 'a name in double quotes'],
    ['{"port" 1}', 1, 9, 'a colon'],
    ['{"port": }', 1, 10, 'a value'],
    ['{"port": 080}', 1, 10, 'a value'],
    ['{"port": 0x50}', 1, 10, 'a value'],
    ['{"port": 1.}', 1, 10, 'a value'],
    ['{"port": True}', 1, 10, 'a value'],
    ['{"port": 1', 1, 11, 'a comma or }'],
    ['{"port": 1}}', 1, 12, 'nothing more'],
    ['[1, 2', 1, 6, 'a comma or ]'],
    ['[1, ]', 1, 5, 'a value'],
    ['{"root": "a\nb"}', 1, 10, 'a string that ends on its line, with \\ before " and \\'],
    ['{"root": "C:\\site"}', 1, 10, 'a string that ends on its line, with \\ before " and \\'],
    ['{"🙂": x}', 1, 7, 'a value'],
    ['['.repeat(5000), 1, 1002, 'less nesting'],
  ])('%j', (text, line, column, expected) => {
    expect(messageOf(text)).toBe(
      `${path} is not JSON at line ${line}, column ${column}: expected ${expected}; comments and trailing commas are not allowed.`,
    );
  });

  test('for every prefix of a file, with a position in it', () => {
    const text = JSON.stringify({ a: [1, -2.5e3, true, null, 'x"\\\u0001é', {}, []], b: { c: 'd' } }, null, 1);
    for (let length = 0; length < text.length; length++) {
      const [, line, column] = /line (\d+), column (\d+): expected/.exec(messageOf(text.slice(0, length)))!;
      const lines = text.slice(0, length).split('\n');
      expect(Number(line)).toBeLessThanOrEqual(lines.length);
      expect(Number(column)).toBeLessThanOrEqual(lines[Number(line) - 1]!.length + 1);
    }
  });
});

describe('the error for a repeated name has the position', () => {
  test.each([
    ['{"root": "a", "root": "b"}', 'root', 1, 15],
    ['{"root": "a",\n "port": 1,\n  "root": "a"}', 'root', 3, 3],
    ['{"root": "a", "\\u0072oot": "b"}', 'root', 1, 15],
    ['{"limits": {}, "limits": {"headBytes": 64}}', 'limits', 1, 16],
    ['{"hosts": {\n "a": {"root": "v1"},\n "a": {"root": "v2"}}}', 'a', 3, 2],
    ['{"hosts": {"a": {"root": "v1", "etag": "stat", "root": "v2"}}}', 'root', 1, 48],
    ['{"redirects": [{"from": "/a", "to": "/b", "to": "/c"}]}', 'to', 1, 43],
    ['{"x": {"a": 1, "b": 1, "b": 1}, "x": 1}', 'b', 1, 24],
    ['{"__proto__": 1, "__proto__": 1}', '__proto__', 1, 18],
    ['\uFEFF{"port": 1, "port": 1}', 'port', 1, 13],
  ])('%j', (text, name, line, column) => {
    expect(messageOf(text)).toBe(
      `${path} has "${name}" a second time at line ${line}, column ${column}; remove one of the two.`,
    );
  });

  test('different objects may have the same names', () => {
    const rule = '{"from": "/a", "to": "/b"}';
    const file = `{"root": "a", "redirects": [${rule}, ${rule}], "hosts": {"a": {"root": "a"}, "A.": {}}}`;
    expect(messageOf(file)).toMatch(/: hosts\["A\."\] must/);
  });
});

describe('a file that cannot be read', () => {
  test('does not exist', () => {
    const missing = join(directory, 'missing.json');
    expect(messageOf('', () => readConfig(missing))).toBe(
      `The configuration file ${missing} does not exist; give one that does.`,
    );
  });

  test('is a directory', () => {
    const other = join(directory, 'directory.json');
    mkdirSync(other);
    expect(messageOf('', () => readConfig(other))).toBe(
      `The configuration file ${other} is a directory; give a file in it.`,
    );
  });
});

/** Globs, field names, loops and the like: the first key of the rows in MISTAKES that a schema cannot reject. */
const BEYOND_THE_SCHEMA = ['headers', 'headers', 'redirects', 'cors', 'hosts'];

describe('the schema', () => {
  test.each(Object.entries(generatedFiles()))('%s is made from the tables of options', (file, content) =>
    expect(readFileSync(join(PACKAGE, file), 'utf8') === content, 'run npm run generate').toBe(true),
  );

  test('rejects what the check rejects, as far as a schema can', () => {
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(schema);
    const accepted = MISTAKES.filter(([content]) => validate(content)).map(
      ([content]) => Object.keys(content as object)[0],
    );
    expect(accepted).toEqual(BEYOND_THE_SCHEMA);
  });

  const top = schema.properties as Record<string, Record<string, unknown>>;
  const defs = schema.$defs as unknown as Record<string, Record<string, unknown>>;

  test('is valid by the meta-schema', () =>
    expect(new Ajv2020({ allowUnionTypes: true }).validateSchema(schema, true)).toBe(true));

  test('has every limit with its range, default and description', () => {
    expect(schema.properties.limits.properties).toEqual(
      Object.fromEntries(
        LIMIT_NAMES.map((name) => {
          const { min, max, description, default: value } = LIMITS[name];
          return [name, { type: 'integer', minimum: min, maximum: max, default: value, description: description }];
        }),
      ),
    );
    expect(Object.keys(schema.properties.limits.properties)).toEqual(LIMIT_NAMES);
  });

  test.each(SITE_OPTION_NAMES)('has %s, with its default, for the main site and for hosts', (name) => {
    const reference = { $ref: `#/$defs/${name}` };
    expect(top[name]).toEqual(reference);
    expect(schema.$defs.host.properties).toHaveProperty(name, reference);
    expect(defs[name]!['default']).toEqual(resolveSiteOptions()[name]);
  });

  test('has no other properties', () => {
    const server = [
      'host',
      'port',
      'listen',
      'workers',
      'accept',
      'trigger',
      'accessLog',
      'accessLogFile',
      'requestIds',
      'trustedProxies',
      'proxyProtocol',
      'exemptClients',
      'admin',
      'app',
      'fetchFirst',
      'limits',
      'hosts',
    ];
    expect(Object.keys(top).sort()).toEqual(['$schema', 'root', ...server, ...SITE_OPTION_NAMES].sort());
    expect(Object.keys(schema.$defs.host.properties).sort()).toEqual(['root', ...SITE_OPTION_NAMES].sort());
  });

  test('accepts the host names that the server accepts', () =>
    expect(schema.properties.hosts.propertyNames.pattern).toBe(HOST_NAME.source));

  test('has the choices', () => {
    expect(top['trigger']!['enum']).toEqual(TRIGGERS);
    expect(top['accessLog']!['enum']).toEqual(ACCESS_LOG_FORMATS);
    expect(defs['etag']!['enum']).toEqual(ETAG_SOURCES);
    expect(defs['symlinks']!['enum']).toEqual(SYMLINK_POLICIES);
    expect(schema.$defs.redirects.items.properties.status.enum).toEqual(REDIRECT_STATUSES);
  });

  test('has the defaults of CORS', () => {
    const { properties } = schema.$defs.cors;
    for (const [name, value] of Object.entries(resolveSiteOptions({ cors: { origins: '*' } }).cors!))
      if (name !== 'origins') expect(properties[name as 'methods'].default).toEqual(value);
  });

  test('describes every property, and allows no others', () => {
    const visit = (value: unknown, place: string): void => {
      if (typeof value !== 'object' || value === null) return;
      const part = value as Record<string, unknown>;
      if (place.endsWith('.properties'))
        for (const [name, each] of Object.entries(part))
          expect(each, `${place}.${name}`).toSatisfy(
            (property: Record<string, unknown>) =>
              '$ref' in property || /^\S.{10,}\S$/.test(`${property['description']}`),
          );
      if ([part['type']].flat().includes('object')) expect(part, place).toHaveProperty('additionalProperties');
      for (const [name, each] of Object.entries(part)) visit(each, `${place}.${name}`);
    };
    visit(schema, '');
  });
});
