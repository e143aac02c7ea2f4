export function expectedContents(): string[];
