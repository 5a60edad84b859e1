/** CRC-16/XMODEM by byte, as Redis Cluster uses it. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** Returns the slot of a Redis Cluster, 0 to 16383, that a key of ASCII characters is in: by its hash tag, if it has one. */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  const hashed = open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (let i = 0; i < hashed.length; i++)
    crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ hashed.charCodeAt(i)] ?? 0);
  return crc & 0x3fff;
}
