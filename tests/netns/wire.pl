#!/usr/bin/env perl
# SPDX-License-Identifier: BSL-1.0
#
# A wire between two network namespaces that loses and delays packets: an interface called wire0 in each, and this
# process, which carries packets from one to the other. It does what tc netem does, for kernels that have no netem.
#
#   ip netns exec A perl wire.pl B
#
# Lines on standard input, each confirmed when it is in force:
#   loss PERCENT         100 loses what is on its way, too
#   delay MILLISECONDS   each way
#   count                how many packets arrived, and how many were lost
use strict;
use warnings;
use Fcntl qw(O_RDWR);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# From linux/if_tun.h.
use constant {TUNSETIFF => 0x400454ca, IFF_TUN => 0x0001, IFF_NO_PI => 0x1000};

sub open_end {
    sysopen(my $end, '/dev/net/tun', O_RDWR) or die "/dev/net/tun: $!\n";
    my $request = pack('a16 S x22', 'wire0', IFF_TUN | IFF_NO_PI);
    ioctl($end, TUNSETIFF, $request) or die "wire0: $!\n";
    return $end;
}

# An interface stays in the namespace in which it was made, whichever namespace its process enters later. So the
# first end is made here, and handed to this program in the other namespace.
my ($other_namespace, $first) = @ARGV;
if (!defined $first) {
    $^F = 255;  # exec leaves descriptors up to this one open
    my $end = open_end();
    exec 'ip', 'netns', 'exec', $other_namespace, $^X, $0, $other_namespace, fileno($end) or die "ip: $!\n";
}
open(my $near, '+<&=', $first) or die "descriptor $first: $!\n";
my @ends = ($near, open_end());
$| = 1;
print "ready\n";

# Each direction draws for itself, and the same each time: how many packets the other one carries does not matter.
my @state = (271828182, 314159265);
sub draw {
    my ($direction) = @_;
    $state[$direction] = $state[$direction] * 16807 % 2147483647;
    return $state[$direction] / 2147483647;
}

my ($loss, $delay, $arrived, $lost) = (0, 0, 0, 0);
my @queue;  # [due, end, packet], in the order of their arrival
my $commands = '';

sub obey {
    my ($line) = @_;
    if ($line =~ /^loss (\d+)$/) {
        $loss = $1 / 100;
        @queue = () if $loss >= 1;
    } elsif ($line =~ /^delay (\d+)$/) {
        $delay = $1 / 1000;
    } elsif ($line eq 'count') {
        $line = "$arrived arrived, $lost lost";
    } else {
        $line = "no command: $line";
    }
    print "ok: $line\n";
}

while (1) {
    my $wanted = '';
    vec($wanted, fileno($_), 1) = 1 for @ends, \*STDIN;
    my $wait = @queue ? $queue[0][0] - clock_gettime(CLOCK_MONOTONIC) : undef;
    $wait = 0 if defined $wait && $wait < 0;
    my $ready = $wanted;
    $ready = '' if select($ready, undef, undef, $wait) < 1;

    if (vec($ready, fileno(STDIN), 1)) {
        sysread(STDIN, $commands, 4096, length $commands) or exit 0;
        while ($commands =~ s/^(.*)\n//) { obey($1); }
    }
    for my $direction (0, 1) {
        next unless vec($ready, fileno($ends[$direction]), 1);
        # Fails while the interface is down.
        sysread($ends[$direction], my $packet, 65536) or next;
        if (draw($direction) < $loss) {
            $lost++;
        } else {
            $arrived++;
            push @queue, [clock_gettime(CLOCK_MONOTONIC) + $delay, $ends[1 - $direction], $packet];
        }
    }
    while (@queue && $queue[0][0] <= clock_gettime(CLOCK_MONOTONIC)) {
        my $next = shift @queue;
        syswrite($next->[1], $next->[2]);
    }
}
