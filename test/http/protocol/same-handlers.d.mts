export function handle(request: Request): Promise<Response>;
