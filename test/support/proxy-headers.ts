/** PROXY headers, as HAProxy's specification has them: what they are, their bytes in latin1, and the source they have. */

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const TCP4 = '\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x67\x00\x50';
const TCP6 = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(16)}\x12\x67\x00\x50`;
const MAPPED = `${'\0'.repeat(10)}\xff\xff\xc0\x00\x02\x01${'\0'.repeat(16)}\x12\x67\x00\x50`;
const unix = (path: string): string => path.padEnd(108, '\0') + '/run/own.sock'.padEnd(108, '\0');
const LONGEST_TLVS = `\x04${'\x0f\xd1'}${'n'.repeat(4049)}`;

/** @param rest behind the length: addresses and TLVs */
export const binary = (command: number, transport: number, rest: string, length: number = rest.length): string =>
  `${SIGNATURE}${String.fromCharCode(command, transport, length >> 8, length & 255)}${rest}`;

export const VALID_HEADERS: readonly [what: string, bytes: string, source: string | null][] = [
  ['TCP4', 'PROXY TCP4 192.0.2.1 198.51.100.1 4711 80\r\n', 'IPv4 192.0.2.1 4711'],
  ['TCP4, longest', 'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', 'IPv4 255.255.255.255 65535'],
  ['TCP4, port 0', 'PROXY TCP4 192.0.2.1 198.51.100.1 0 0\r\n', 'IPv4 192.0.2.1 0'],
  ['TCP6', 'PROXY TCP6 2001:DB8::1 ::1 4711 80\r\n', 'IPv6 2001:db8::1 4711'],
  [
    'TCP6, longest',
    `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    `IPv6 ${'ffff:'.repeat(7)}ffff 65535`,
  ],
  ['TCP6, IPv4-mapped', 'PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 4711 80\r\n', 'IPv4 192.0.2.1 4711'],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', null],
  ['UNKNOWN, with addresses', 'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', null],
  ['UNKNOWN, with anything', 'PROXY UNKNOWN \xff\r \0 x\r\n', null],
  ['UNKNOWN, longest', `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`, null],
  ['binary TCP4', binary(0x21, 0x11, TCP4), 'IPv4 192.0.2.1 4711'],
  ['binary TCP6', binary(0x21, 0x21, TCP6), 'IPv6 2001:db8::1 4711'],
  ['binary TCP6, IPv4-mapped', binary(0x21, 0x21, MAPPED), 'IPv4 192.0.2.1 4711'],
  ['binary TCP4 with TLVs', binary(0x21, 0x11, `${TCP4}\x01\0\x02h2\x04\0\0`), 'IPv4 192.0.2.1 4711'],
  ['binary TCP4 with broken TLVs', binary(0x21, 0x11, `${TCP4}\x01\xff\xffh2`), 'IPv4 192.0.2.1 4711'],
  ['binary TCP6 with TLVs, longest', binary(0x21, 0x21, TCP6 + LONGEST_TLVS.slice(0, 4044)), 'IPv6 2001:db8::1 4711'],
  ['binary unix', binary(0x21, 0x31, unix('/run/x.sock')), 'unix /run/x.sock 0'],
  ['binary unix, unnamed', binary(0x21, 0x31, unix('')), 'unix  0'],
  ['binary unix, abstract', binary(0x21, 0x31, unix('\0name')), 'unix \0name 0'],
  ['binary unix, longest', binary(0x21, 0x31, unix('/'.repeat(108))), `unix ${'/'.repeat(108)} 0`],
  ['binary UNSPEC', binary(0x21, 0, ''), null],
  ['binary UNSPEC with TLVs', binary(0x21, 0, '\x04\0\x01x'), null],
  ['binary UDP4', binary(0x21, 0x12, TCP4), null],
  ['binary UDP6', binary(0x21, 0x22, TCP6), null],
  ['binary unix datagrams', binary(0x21, 0x32, unix('/x')), null],
  ['LOCAL', binary(0x20, 0, ''), null],
  ['LOCAL with addresses', binary(0x20, 0x11, TCP4), null],
  ['LOCAL of an unknown family with too few bytes', binary(0x20, 0xff, 'x'), null],
];

/** Each is invalid by itself: not only because there is too little of it. */
export const INVALID_HEADERS: readonly [what: string, bytes: string][] = [
  ['a request', 'GET / HTTP/1.1\r\n'],
  ['TLS', '\x16\x03\x01'],
  ['an empty line', '\r\n\r\nGET'],
  ['lower case', 'proxy TCP4'],
  ['a tab', 'PROXY\tTCP4'],
  ['another first word', 'PROXX'],
  ['no family', 'PROXY \r\n'],
  ['another family', 'PROXY TCP5 192.0.2.1 198.51.100.1 4711 80\r\n'],
  ['UDP4', 'PROXY UDP4 192.0.2.1 198.51.100.1 4711 80\r\n'],
  ['a family in lower case', 'PROXY tcp4 192.0.2.1 198.51.100.1 4711 80\r\n'],
  ['UNKNOWN with a suffix', 'PROXY UNKNOWNX\r\n'],
  ['no addresses', 'PROXY TCP4\r\n'],
  ['no ports', 'PROXY TCP4 192.0.2.1 198.51.100.1\r\n'],
  ['one port', 'PROXY TCP4 192.0.2.1 198.51.100.1 4711\r\n'],
  ['a third port', 'PROXY TCP4 192.0.2.1 198.51.100.1 4711 80 1\r\n'],
  ['two spaces', 'PROXY TCP4  192.0.2.1 198.51.100.1 4711 80\r\n'],
  ['a space at the end', 'PROXY TCP4 192.0.2.1 198.51.100.1 4711 80 \r\n'],
  ['IPv6 in TCP4', 'PROXY TCP4 2001:db8::1 2001:db8::2 4711 80\r\n'],
  ['IPv6 of one side', 'PROXY TCP4 192.0.2.1 2001:db8::2 4711 80\r\n'],
  ['IPv4 in TCP6', 'PROXY TCP6 192.0.2.1 198.51.100.1 4711 80\r\n'],
  ['IPv4 of one side in TCP6', 'PROXY TCP6 2001:db8::1 198.51.100.1 4711 80\r\n'],
  ['a name', 'PROXY TCP4 localhost 198.51.100.1 4711 80\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 4711 80\r\n'],
  ['leading zeros', 'PROXY TCP4 192.0.02.1 198.51.100.1 4711 80\r\n'],
  ['leading zeros of a port', 'PROXY TCP4 192.0.2.1 198.51.100.1 04711 80\r\n'],
  ['a port too large', 'PROXY TCP4 192.0.2.1 198.51.100.1 65536 80\r\n'],
  ['another port too large', 'PROXY TCP4 192.0.2.1 198.51.100.1 4711 65536\r\n'],
  ['a negative port', 'PROXY TCP4 192.0.2.1 198.51.100.1 -1 80\r\n'],
  ['a line feed alone', 'PROXY TCP4 192.0.2.1 198.51.100.1 4711 80\n'],
  ['UNKNOWN with a line feed alone', 'PROXY UNKNOWN\n'],
  ['a line too long', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ['a line without end', `PROXY UNKNOWN ${'x'.repeat(93)}`],
  ['half a signature', `${SIGNATURE.slice(0, 11)}\r`],
  ['version 1 in binary', binary(0x11, 0x11, TCP4)],
  ['version 3', `${SIGNATURE}\x31`],
  ['another command', `${SIGNATURE}\x22`],
  ['another family', binary(0x21, 0x41, unix(''))],
  ['another transport', binary(0x21, 0x13, TCP4)],
  ['a family without a transport', binary(0x21, 0x10, TCP4)],
  ['a transport without a family', binary(0x21, 0x01, TCP4)],
  ['TCP4 cut short', binary(0x21, 0x11, TCP4.slice(0, 11))],
  ['TCP6 cut short', binary(0x21, 0x21, TCP6.slice(0, 35))],
  ['unix cut short', binary(0x21, 0x31, unix('/x').slice(0, 215))],
  ['too long', binary(0x21, 0x11, TCP4, 4081)],
  ['LOCAL, too long', binary(0x20, 0, '', 65535)],
];
