import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/http/limits.js';
import { PACKAGE, run } from '../support/command.js';

// Not by import: their types are looser than what is read here.
const require = createRequire(import.meta.url);
const { parse, parseAllDocuments } = require('yaml') as {
  parse(text: string): unknown;
  parseAllDocuments(text: string): { toJS(): unknown }[];
};

// biome-ignore lint/suspicious/noExplicitAny: a manifest is what its schema allows, and is read by path
type Manifest = any;

const read = (path: string): string => readFileSync(join(PACKAGE, path), 'utf8');
const dockerfile = read('Dockerfile');
const portOf = (address: string): number => Number(/:(\d+)$/.exec(address)![1]);
const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)![1]);

test('the two images have the same settings', () => {
  const [slim, full] = dockerfile
    .split(/^FROM /m)
    .slice(-2)
    .map((stage) =>
      stage.replaceAll('\\\n', '').match(/^(?:ARG|LABEL|EXPOSE|USER|STOPSIGNAL|HEALTHCHECK|ENTRYPOINT|CMD) .*$/gm),
    );
  expect(slim).toHaveLength(11);
  expect(slim).toEqual(full);
});

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

  test('has an admin door that is not published', () => {
    expect(web.expose).toEqual([String(portOf(web.environment.EPOLLET_ADMIN))]);
    expect(web.ports).toHaveLength(1);
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

describe('kubernetes.yaml', () => {
  const objects: Manifest[] = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => document.toJS());
  const byKind = Object.fromEntries(objects.map((object) => [object.kind, object]));
  const { Namespace, Deployment, Service, PodDisruptionBudget, HorizontalPodAutoscaler } = byKind;
  const pod = Deployment.spec.template;
  const [container] = pod.spec.containers;
  const env = Object.fromEntries(container.env.map(({ name, value }: Manifest) => [name, value]));

  /** The faults of an object by the schema of Kubernetes: what is invalid, and fields that the schema does not have. */
  function faultsOf(object: Manifest): string[] {
    const model = require(`kubernetes-models/${object.apiVersion}/${object.kind}`)[object.kind];
    const fields = new Map<string, { names: string[]; read: Set<unknown> }>();
    // The schemas permit unknown fields, which the API server rejects: those that no check has read.
    const watched = (value: Manifest, path: string): unknown => {
      if (typeof value !== 'object' || value === null) return value;
      const read = new Set<unknown>();
      fields.set(path, { names: Object.keys(value), read });
      return new Proxy(value, {
        get(target, name) {
          read.add(name);
          return Object.hasOwn(target, name) ? watched(target[name], `${path}/${String(name)}`) : target[name];
        },
      });
    };
    try {
      model.prototype.validate.call(watched(object, ''));
    } catch (error) {
      return [(error as Error).message];
    }
    return [...fields].flatMap(([path, { names, read }]) =>
      names.filter((name) => !read.has(name)).map((name) => `${path}/${name} is unknown`),
    );
  }

  test.each(objects.map((object) => [object.kind, object] as const))('%s is valid by its schema', (_, object) => {
    expect(faultsOf(object)).toEqual([]);
  });

  test('the check finds a wrong type and an unknown field', () => {
    const changed = (change: (pod: Manifest) => void): Manifest => {
      const copy = structuredClone(Deployment);
      change(copy.spec.template.spec);
      return copy;
    };
    expect(faultsOf(changed((spec) => (spec.containers[0].ports[0].containerPort = '8080')))).toHaveLength(1);
    expect(faultsOf(changed((spec) => (spec.containers[0].readynessProbe = {})))).toEqual([
      '/spec/template/spec/containers/0/readynessProbe is unknown',
    ]);
  });

  test('its settings are valid', async () => {
    expect(await run(['serve', '--check'], { env })).toMatchObject({ code: 0, stderr: '' });
  });

  test('the objects name each other', () => {
    const { labels } = pod.metadata;
    expect(Deployment.spec.selector.matchLabels).toEqual(labels);
    expect(Service.spec.selector).toEqual(labels);
    expect(PodDisruptionBudget.spec.selector.matchLabels).toEqual(labels);
    for (const { labelSelector } of pod.spec.topologySpreadConstraints)
      expect(labelSelector.matchLabels).toEqual(labels);
    const { apiVersion, kind, metadata } = Deployment;
    expect(HorizontalPodAutoscaler.spec.scaleTargetRef).toEqual({ apiVersion, kind, name: metadata.name });
    for (const object of objects.slice(1)) expect(object.metadata.namespace).toBe(Namespace.metadata.name);
  });

  test('every port that is named exists, and the one of the Dockerfile is served', () => {
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: Manifest) => [name, containerPort]));
    expect(ports['http']).toBe(Number(/^EXPOSE (\d+)$/m.exec(dockerfile)![1]));
    expect(Service.spec.ports.map((port: Manifest) => port.targetPort)).toEqual(['http']);
    expect(ports['admin']).toBe(portOf(env['EPOLLET_ADMIN']));
    expect(pod.metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(ports['admin']),
      'prometheus.io/path': '/metrics',
    });
  });

  test('a restart is for a process that does not respond, and requests are for one that is ready', () => {
    const probed = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) => container[probe].httpGet);
    expect(probed.map(({ port, path }: Manifest) => `${port}${path}`)).toEqual([
      'admin/readyz',
      'admin/readyz',
      'admin/healthz',
    ]);
  });

  test('a roll-out takes no replica away before another is ready, and kills none that may still respond', () => {
    expect(Deployment.spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(HorizontalPodAutoscaler.spec.minReplicas).toBeGreaterThan(1);
    expect(Deployment.spec).not.toHaveProperty('replicas'); // which an apply would reset
    const { EPOLLET_STOP_DELAY_MS: delayMs } = env;
    const graceMs = pod.spec.terminationGracePeriodSeconds * 1000 - container.lifecycle.preStop.sleep.seconds * 1000;
    expect(graceMs).toBeGreaterThan(Number(delayMs) + LIMITS.stopTimeoutMs.default);
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(Number(delayMs)).toBeGreaterThan(periodSeconds * failureThreshold * 1000);
  });

  // https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
  test('the pod is restricted by the Pod Security Standards, and its user is that of the image', () => {
    expect(Namespace.metadata.labels).toEqual({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const [, user, group] = /^USER (\d+):(\d+)$/m.exec(dockerfile)!;
    expect(pod.spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: Number(user),
      runAsGroup: Number(group),
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes']) expect(pod.spec).not.toHaveProperty(field);
  });
});
