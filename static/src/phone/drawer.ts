export function open(_number?: string): void {}
