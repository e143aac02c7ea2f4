import { type ChunkedDecoder, type ChunkedResult, DATA } from '../../src/http/request/chunked.js';
import { NEED_MORE } from '../../src/http/request/parser.js';

export interface ReadBody {
  result: ChunkedResult;
  body: string;
  /** Bytes of the text that were consumed. */
  used: number;
}

/** Decodes a text that arrives in pieces ending at `cuts`, up to the first result that is neither DATA nor NEED_MORE. */
export function readBody(decoder: ChunkedDecoder, text: string, cuts: readonly number[] = []): ReadBody {
  let body = '';
  let used = 0;
  for (const cut of [...cuts, text.length]) {
    const piece = Buffer.from(`xy${text.slice(used, cut)}z`, 'latin1');
    const end = piece.length - 1;
    let result = decoder.next(piece, 2, end);
    while (result === DATA) {
      body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
      result = decoder.next(piece, decoder.position, end);
    }
    used += decoder.position - 2;
    if (result !== NEED_MORE) return { result, body, used };
    if (decoder.position !== end) throw new Error(`NEED_MORE, but ${end - decoder.position} bytes are left`);
  }
  return { result: NEED_MORE, body, used };
}
