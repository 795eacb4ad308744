/* Stand-in for AFKMud's header of the same name: what heads/smaug uses, as it is declared there. */
#include <list>
#include <string>

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace std;

#define LEVEL_IMMORTAL 100
#define CMDF(name) extern "C" void(name)(char_data * ch, string argument)
typedef enum { CON_GET_NAME = -99, CON_PLAYING = 0, CON_EDITING } connection_types;

class descriptor_data;
class pc_data
{
public:
    short wizinvis;
};
class char_data
{
public:
    void print(const string &txt);
    descriptor_data *desc;
    pc_data *pcdata;
    char *name;
    short level;
    short timer;
};

void log_string(const string &txt);
