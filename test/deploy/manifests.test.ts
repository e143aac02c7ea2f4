import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/http/limits.js';
import { PACKAGE, run } from '../support/command.js';

// Not by import: their types are looser than what is read here.
const require = createRequire(import.meta.url);
const { parse } = require('yaml') as { parse(text: string): unknown };

// biome-ignore lint/suspicious/noExplicitAny: a manifest is what its schema allows, and is read by path
type Manifest = any;

const read = (path: string): string => readFileSync(join(PACKAGE, path), 'utf8');
const dockerfile = read('Dockerfile');
const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)![1]);

describe('compose.yaml', () => {
  const compose: Manifest = parse(read('deploy/compose.yaml'));
  const { web } = compose.services;

  test('is valid by the schema of the Compose Specification', () => {
    const path = require.resolve('dclint/package.json').replace('package.json', 'schemas/compose.schema.json');
    const { $schema: _, ...schema } = JSON.parse(readFileSync(path, 'utf8'));
    const valid: ValidateFunction = new Ajv({ strict: false, validateFormats: false }).compile(schema);
    expect(valid({ services: { web: { ...web, read_onyl: true } } })).toBe(false);
    valid(compose);
    expect(valid.errors).toBeNull();
  });

  test('its settings are valid', async () => {
    expect(await run(['serve', '--check'], { env: web.environment })).toMatchObject({ code: 0, stderr: '' });
  });

  test('names a target of the Dockerfile, and its port, directory and health check', () => {
    expect(dockerfile).toContain(`AS ${web.build.target}\n`);
    expect(web.ports).toEqual([`\${PORT:-${/^EXPOSE (\d+)$/m.exec(dockerfile)![1]}}:8080`]);
    expect(web.volumes).toEqual([{ type: 'bind', source: `\${SITE:-../html}`, target: '/srv', read_only: true }]);
    const { test: command, interval, timeout, start_period, retries } = web.healthcheck;
    expect(dockerfile).toContain(
      `HEALTHCHECK --interval=${interval} --timeout=${timeout} --start-period=${start_period} --retries=${retries} CMD ${JSON.stringify(command.slice(1)).replaceAll(',', ', ')}\n`,
    );
  });

  test('is killed only after all that a stop may take', () => {
    const { EPOLLET_STOP_DELAY_MS: delayMs = 0 } = web.environment;
    expect(seconds(web.stop_grace_period) * 1000).toBeGreaterThan(Number(delayMs) + LIMITS.stopTimeoutMs.default);
  });

  test('has limits and no rights', () => {
    expect(web).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(Object.keys(web.deploy.resources.limits)).toEqual(['cpus', 'memory', 'pids']);
    expect(web).not.toHaveProperty('privileged');
  });
});
