import type { Site } from '../files/site.js';
import type { RequestParser } from '../http/request/parser.js';
import type { HttpResponse } from '../http/response/response.js';
import type { Recorder } from './recorder.js';

export type Topic =
  | 'malformed'
  | 'path'
  | 'redirect'
  | 'resolved'
  | 'symlink'
  | 'release'
  | 'file'
  | 'directory'
  | 'not-found'
  | 'fallback'
  | 'error-page'
  | 'precompressed'
  | 'representation'
  | 'precondition'
  | 'range'
  | 'origin';

/** One decision, with its reason. */
export interface Step {
  readonly topic: Topic;
  readonly text: string;
}

export type Outcome = 'file' | 'fallback' | 'listing' | 'redirect' | 'error';

/** A request with its response, and the steps between them. */
export interface RequestTrace {
  readonly site: Site;
  readonly recorder: Recorder;
  readonly request: RequestParser;
  readonly response: HttpResponse;
  readonly outcome: Outcome;
  add(topic: Topic, text: string): void;
}
