import { equalsIgnoreCase, FIELD_ID_COUNT, listElements } from '../headers.js';
import { latin1 } from '../text.js';

const CLOSE = Buffer.from('close');
const KEEP_ALIVE = Buffer.from('keep-alive');

/** Where the fields of a head stand, and what the parser has learned of them on its way. */
export class FieldSection {
  count = 0;
  /** Four positions a field, from the section's start: where its name starts and ends, where its value does. */
  readonly positions: Int32Array;
  /** One bit for each known field that was sent. */
  presentMask = 0;
  /** One bit for each known field that was sent more than once. */
  repeated = 0;
  /** Where the last known field of each name stands in `places`, of those that were sent. */
  readonly fieldIds = new Int32Array(FIELD_ID_COUNT);
  /** Whether the last `Host` names one. */
  hostIsValid = false;
  /** What `Connection` has said. */
  close = false;
  keep = false;

  constructor(maxFields: number) {
    this.positions = new Int32Array(4 * maxFields);
  }

  reset(): void {
    this.count = this.presentMask = this.repeated = 0;
    this.hostIsValid = this.close = this.keep = false;
  }

  /** The value of a Connection field, of which there may be several. */
  connection(bytes: Uint8Array, start: number, end: number): void {
    if (equalsIgnoreCase(bytes, start, end, KEEP_ALIVE)) this.keep = true;
    else if (equalsIgnoreCase(bytes, start, end, CLOSE)) this.close = true;
    else {
      const options = listElements(latin1(bytes, start, end));
      this.keep ||= options.includes('keep-alive');
      this.close ||= options.includes('close');
    }
  }

  /** A copy that takes no more room than it needs. */
  copy(): FieldSection {
    const copy = new FieldSection(this.count);
    copy.count = this.count;
    copy.positions.set(this.positions.subarray(0, 4 * this.count));
    copy.presentMask = this.presentMask;
    copy.repeated = this.repeated;
    copy.fieldIds.set(this.fieldIds);
    copy.hostIsValid = this.hostIsValid;
    copy.close = this.close;
    copy.keep = this.keep;
    return copy;
  }
}
