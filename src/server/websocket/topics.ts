/** What is subscribed to topics. */
export interface Subscriber {
  /** Null without any. */
  topics: Set<string> | null;
}

/** Who is subscribed to what. */
export class Topics<Member extends Subscriber> {
  private readonly members = new Map<string, Set<Member>>();

  add(topic: string, member: Member): void {
    member.topics ??= new Set();
    if (member.topics.has(topic)) return;
    member.topics.add(topic);
    const all = this.members.get(topic);
    if (all === undefined) this.members.set(topic, new Set([member]));
    else all.add(member);
  }

  remove(topic: string, member: Member): void {
    if (member.topics === null || !member.topics.delete(topic)) return;
    if (member.topics.size === 0) member.topics = null;
    const all = this.members.get(topic)!;
    all.delete(member);
    if (all.size === 0) this.members.delete(topic);
  }

  removeAll(member: Member): void {
    for (const topic of member.topics ?? []) this.remove(topic, member);
  }

  /** Undefined without any. One that is removed while they are visited is left out. */
  of(topic: string): ReadonlySet<Member> | undefined {
    return this.members.get(topic);
  }

  countOf(topic: string): number {
    return this.members.get(topic)?.size ?? 0;
  }
}
