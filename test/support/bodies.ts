import { type ChunkedDecoder, type ChunkedResult, DATA } from '../../src/http/request/chunked.js';
import { NEED_MORE } from '../../src/http/request/parser.js';

export interface ReadBody {
  answer: ChunkedResult;
  body: string;
  /** How much of the text is used up. */
  used: number;
}

/** Decodes a text that arrives in pieces that end at `cuts`, up to the first answer that is neither DATA nor NEED_MORE. */
export function readBody(decoder: ChunkedDecoder, text: string, cuts: readonly number[] = []): ReadBody {
  let body = '';
  let used = 0;
  for (const cut of [...cuts, text.length]) {
    const piece = Buffer.from(`xy${text.slice(used, cut)}z`, 'latin1');
    const end = piece.length - 1;
    let answer = decoder.next(piece, 2, end);
    while (answer === DATA) {
      body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
      answer = decoder.next(piece, decoder.position, end);
    }
    used += decoder.position - 2;
    if (answer !== NEED_MORE) return { answer, body, used };
    if (decoder.position !== end) throw new Error(`NEED_MORE, but ${end - decoder.position} bytes are left`);
  }
  return { answer: NEED_MORE, body, used };
}
