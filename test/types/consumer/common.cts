import { serve } from 'epollet';
import { Epoll } from 'epollet/epoll';

export = { serve, Epoll };
