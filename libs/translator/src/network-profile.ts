import type {
  FilledNetworkProfile,
  FilledTCPFastPathProfile,
  FilledTCPProxyProfile,
  FilledUDPFastPathProfile,
  FilledUDPProxyProfile,
} from '@spillway/model';
import type { L4Application, TcpOptions, TcpProfile, UdpProfile } from '@spillway/snapshot';
import { clamp, filledMessage, follow, milliseconds } from './read.js';
import { error, missing, type Lookup, type Problem } from './types.js';

/** What a network profile makes of the connections or datagrams of a port; or why it cannot be served. */
export function networkOf(ref: string | undefined, path: string, lookup: Lookup): L4Application | Problem {
  const profile = follow(lookup, ref, 'networkprofile');
  if (profile === undefined) return error('PROFILE_MISSING', path, missing('network profile', ref));
  const union = (profile.spec as FilledNetworkProfile).profile;
  switch (union.type) {
    case 'PROTOCOL_TYPE_TCP_PROXY':
      return { type: 'tcp', tcp: tcpProxy(filledMessage('TCPProxyProfile', union.tcp_proxy_profile)) };
    case 'PROTOCOL_TYPE_TCP_FAST_PATH':
      return {
        type: 'tcp',
        tcp: tcpFastPath(filledMessage('TCPFastPathProfile', union.tcp_fast_path_profile)),
      };
    case 'PROTOCOL_TYPE_UDP_FAST_PATH': {
      const udp = filledMessage<FilledUDPFastPathProfile>('UDPFastPathProfile', union.udp_fast_path_profile);
      const without = udp.snat ? udp.dsr_profile && 'dsr_profile' : 'snat false';
      return without === undefined
        ? { type: 'udp', udp: udpProfile(udp, udp.per_pkt_loadbalance) }
        : error(
            'PROFILE_NOT_HONOURED',
            path,
            `network profile ${profile.name} asks for ${without}: service engines send to servers from an address of their own and take the answers; use a profile with snat and without dsr_profile`,
          );
    }
    case 'PROTOCOL_TYPE_UDP_PROXY': {
      const udp = filledMessage<FilledUDPProxyProfile>('UDPProxyProfile', union.udp_proxy_profile);
      return { type: 'udp', udp: udpProfile(udp, false) };
    }
    case 'PROTOCOL_TYPE_SCTP_PROXY':
    case 'PROTOCOL_TYPE_SCTP_FAST_PATH':
      break;
  }
  return error(
    'PROFILE_NOT_HONOURED',
    path,
    `network profile ${profile.name} is of type ${union.type}, which service engines do not serve; use TCP or UDP`,
  );
}

/** KEEP_ALIVE asks a silent peer whether it is there, and closes where it is not; CLOSE_IDLE closes. */
function tcpProxy(tcp: FilledTCPProxyProfile): TcpProfile {
  const after = milliseconds(tcp.idle_connection_timeout * 1000);
  if (tcp.idle_connection_type === 'CLOSE_IDLE') return { idle_timeout: after };
  return { idle_timeout: 0, ...(after === 0 ? {} : { probe_interval: after }) };
}

function tcpFastPath(tcp: FilledTCPFastPathProfile): TcpProfile {
  return { idle_timeout: milliseconds(tcp.session_idle_timeout * 1000) };
}

/** What a TCP proxy profile asks of TCP itself; undefined where that is nothing. */
export function tcpOptionsOf(ref: string | undefined, lookup: Lookup): TcpOptions | undefined {
  const profile = follow(lookup, ref, 'networkprofile');
  const union = (profile?.spec as FilledNetworkProfile | undefined)?.profile;
  if (union?.type !== 'PROTOCOL_TYPE_TCP_PROXY') return undefined;
  const tcp = filledMessage<FilledTCPProxyProfile>('TCPProxyProfile', union.tcp_proxy_profile);
  const options: TcpOptions = {
    ...(tcp.nagles_algorithm && { nagle: true }),
    // Above 63 stands for the code point of the client, which a socket does not tell.
    ...(tcp.ip_dscp >= 1 && tcp.ip_dscp <= 63 && { dscp: tcp.ip_dscp }),
    ...(tcp.max_segment_size && { max_segment: clamp(tcp.max_segment_size, 512, 9000) }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

const udpProfile = (udp: { session_idle_timeout: number }, perDatagram: boolean): UdpProfile => ({
  idle_timeout: milliseconds(udp.session_idle_timeout * 1000),
  per_datagram: perDatagram,
});
