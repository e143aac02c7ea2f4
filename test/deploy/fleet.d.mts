/** Two replicas behind HAProxy, with deploy/haproxy.cfg, and clients that count what fails. */
export class Fleet {
  constructor(options: { stopDelayMs: number; flags?: readonly string[] });
  start(connections: number, methods: readonly ('GET' | 'POST')[]): Promise<void>;
  restartAll(): Promise<void>;
  result(): Promise<{ requests: number; failures: string[]; replicas: string[] }>;
  stop(): Promise<void>;
}
